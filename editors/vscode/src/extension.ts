import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import { LanguageClient, type Executable } from "vscode-languageclient/node";

import { findCommand, type Machine } from "./environment";
import { layerAt, page, type Picture } from "./page";
import { taskOf } from "./shell";

const SELECTOR = [
  { scheme: "file", language: "yaml" },
  { scheme: "file", language: "json" },
];
const NOT_FOUND = "modelspec was not found. Install it with `pip install \"modelspec[editor]\"` into the environment of the workspace, or set `modelspec.command`.";

let client: LanguageClient | undefined;
let shown: Shown | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  context.subscriptions.push(
    vscode.commands.registerCommand("modelspec.showPicture", (uri?: string) => showPicture(uri)),
    vscode.commands.registerCommand("modelspec.train", (uri?: string) => run("train", uri)),
    vscode.commands.registerCommand("modelspec.sweep", (uri?: string) => run("sweep", uri)),
    vscode.commands.registerCommand("modelspec.restart", () => restart()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("modelspec.command")) void restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void restart()),
    vscode.window.onDidChangeTextEditorSelection((event) => shown?.follow(event.textEditor)),
    vscode.workspace.onDidChangeTextDocument((event) => shown?.changed(event.document)),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function start(): Promise<void> {
  const command = await commandPath();
  if (command === undefined) {
    const choice = await vscode.window.showWarningMessage(NOT_FOUND, "Open settings");
    if (choice !== undefined) await vscode.commands.executeCommand("workbench.action.openSettings", "modelspec.command");
    return;
  }
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const server: Executable = { command, args: ["lsp"], options: folder === undefined ? {} : { cwd: folder } };
  client = new LanguageClient("modelspec", "modelspec", server, { documentSelector: SELECTOR });
  await client.start();
}

async function restart(): Promise<void> {
  const before = client;
  client = undefined;
  await before?.stop();
  await start();
}

// The environment ---------------------------------------------------------------------------------

async function commandPath(): Promise<string | undefined> {
  const machine: Machine = { isProgram, platform: process.platform, search: process.env["PATH"] ?? "" };
  return findCommand(
    {
      setting: vscode.workspace.getConfiguration("modelspec").get("command", ""),
      interpreter: await chosenInterpreter(),
      folders: (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
      trusted: vscode.workspace.isTrusted,
    },
    machine,
  );
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

interface PythonExtension {
  environments: { getActiveEnvironmentPath(resource?: vscode.Uri): { path: string } };
}

/** The interpreter that the user chose in the Python extension, if that is installed. */
async function chosenInterpreter(): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
  if (extension === undefined) return undefined;
  const python = extension.isActive ? extension.exports : await extension.activate();
  return python.environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri).path;
}

// Commands ----------------------------------------------------------------------------------------

function target(uri: string | undefined): vscode.Uri | undefined {
  return uri === undefined ? vscode.window.activeTextEditor?.document.uri : vscode.Uri.parse(uri);
}

async function run(command: "train" | "sweep", uri: string | undefined): Promise<void> {
  const file = target(uri);
  const program = await commandPath();
  if (file === undefined || program === undefined) return;
  await vscode.workspace.textDocuments.find((one) => one.uri.toString() === file.toString())?.save();
  const started = taskOf(command, program, file.fsPath);
  const folder = vscode.workspace.getWorkspaceFolder(file);
  const task = new vscode.Task(
    { type: "process" },
    folder ?? vscode.TaskScope.Workspace,
    `${command} ${path.basename(file.fsPath)}`,
    "modelspec",
    new vscode.ProcessExecution(started.program, started.args, { cwd: folder?.uri.fsPath ?? path.dirname(file.fsPath) }),
  );
  await vscode.tasks.executeTask(task);
}

async function showPicture(uri: string | undefined): Promise<void> {
  const file = target(uri);
  if (file === undefined) return;
  shown?.dispose();
  shown = new Shown(file, () => (shown = undefined));
  await shown.refresh();
}

/** The picture beside the text. It follows the cursor, and the text as it changes. */
class Shown {
  private readonly panel: vscode.WebviewPanel;
  private picture: Picture | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly uri: vscode.Uri,
    closed: () => void,
  ) {
    const title = `Picture of ${path.basename(uri.fsPath)}`;
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    this.panel = vscode.window.createWebviewPanel("modelspec.picture", title, place, {
      enableScripts: true,
      localResourceRoots: [],
    });
    this.panel.onDidDispose(() => {
      clearTimeout(this.timer);
      closed();
    });
    this.panel.webview.onDidReceiveMessage((message: { layer?: unknown }) => void this.reveal(String(message.layer)));
  }

  dispose(): void {
    this.panel.dispose();
  }

  changed(document: vscode.TextDocument): void {
    if (document.uri.toString() !== this.uri.toString()) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), 300);
  }

  async refresh(): Promise<void> {
    const answer: Picture | null | undefined = await client?.sendRequest("workspace/executeCommand", {
      command: "modelspec.picture",
      arguments: [this.uri.toString()],
    });
    if (answer === null || answer === undefined) return;
    // While the text is broken, the last picture stays.
    if (answer.svg === null && this.picture?.svg) return;
    this.picture = answer;
    this.panel.webview.html = page(answer, randomBytes(16).toString("base64"));
    const editor = vscode.window.visibleTextEditors.find((one) => one.document.uri.toString() === this.uri.toString());
    if (editor !== undefined) this.follow(editor);
  }

  follow(editor: vscode.TextEditor): void {
    if (this.picture === undefined || editor.document.uri.toString() !== this.uri.toString()) return;
    const layer = layerAt(this.picture.layers, editor.selection.active.line);
    if (layer !== undefined) void this.panel.webview.postMessage({ layer: layer.name });
  }

  private async reveal(name: string): Promise<void> {
    const layer = this.picture?.layers.find((one) => one.name === name);
    if (layer === undefined) return;
    const at = new vscode.Range(layer.line, 0, layer.line, 0);
    await vscode.window.showTextDocument(this.uri, { selection: at, viewColumn: vscode.ViewColumn.One });
  }
}
