// Where the server is started from. Nothing here uses the editor, so that Node alone can test it.

import * as path from "node:path";

export interface Machine {
  /** Whether a path is a file that can be executed. */
  isProgram(file: string): boolean;
  platform: string;
  /** The value of PATH. */
  search: string;
}

export interface Places {
  /** The setting `modelspec.command`; empty without one. */
  setting: string;
  /** The Python interpreter that the user chose in the Python extension. */
  interpreter: string | undefined;
  /** The folders of the workspace. */
  folders: readonly string[];
  /** Whether the user trusts the workspace: programs in it may be started. */
  trusted: boolean;
}

const ENVIRONMENTS = [".venv", "venv"];

/**
 * The path of `modelspec`: the setting, else beside the chosen interpreter, else in an environment of
 * the workspace, else in PATH; undefined if it is nowhere. In a workspace that is not trusted, no
 * program inside it is returned.
 */
export function findCommand(places: Places, machine: Machine): string | undefined {
  const candidates = [...ofSetting(places, machine), ...ofInterpreter(places, machine), ...ofFolders(places, machine), ...ofSearch(machine)];
  return candidates.find((one) => (places.trusted || !isInside(one, places.folders)) && machine.isProgram(one));
}

function ofSetting(places: Places, machine: Machine): string[] {
  const setting = places.setting.trim();
  if (setting === "") return [];
  if (path.isAbsolute(setting)) return [setting];
  if (setting.includes("/") || setting.includes("\\")) return places.folders.map((folder) => path.join(folder, setting));
  return searched(machine, setting);
}

function ofInterpreter(places: Places, machine: Machine): string[] {
  if (places.interpreter === undefined || !path.isAbsolute(places.interpreter)) return [];
  return [path.join(path.dirname(places.interpreter), program(machine))];
}

function ofFolders(places: Places, machine: Machine): string[] {
  const scripts = machine.platform === "win32" ? "Scripts" : "bin";
  return places.folders.flatMap((folder) => ENVIRONMENTS.map((name) => path.join(folder, name, scripts, program(machine))));
}

function ofSearch(machine: Machine): string[] {
  return searched(machine, program(machine));
}

function searched(machine: Machine, name: string): string[] {
  // A relative entry of PATH depends on the working directory, which may be the workspace.
  return machine.search
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name));
}

function program(machine: Machine): string {
  return machine.platform === "win32" ? "modelspec.exe" : "modelspec";
}

function isInside(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const relative = path.relative(folder, file);
    return relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative);
  });
}
