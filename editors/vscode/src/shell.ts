// What is started for the user. Nothing here uses the editor, so that Node alone can test it.

export interface Task {
  program: string;
  /** Passed as they are: no shell reads them, so that a file name is never a command. */
  args: string[];
}

/** `modelspec train FILE` or `modelspec sweep FILE`. */
export function taskOf(command: "train" | "sweep", program: string, file: string): Task {
  // A name that begins with `-` would be an option.
  return { program, args: [command, "--", file] };
}
