import { readFile } from "node:fs/promises";
import { printProblem, type AgreementProblem } from "../agreement/parse.ts";
import { CommandError } from "./command.ts";

/**
 * The text of a YAML file. A file that cannot be read is a `CommandError` with the system's code,
 * and one that is no UTF-8 a `CommandError` too: what is signed must not differ from what was read.
 */
export async function yamlText(file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof TypeError) throw new CommandError(`Save ${file} as UTF-8; it is not.`);
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new CommandError(`Cannot read ${file} (${code}); give the path of a readable YAML file.`);
  }
}

/** The one file that a command names; none or several are a `CommandError` with its usage. */
export function oneFile(files: readonly string[], what: string, usage: string): string {
  const [file, ...more] = files;
  if (file === undefined || more.length > 0)
    throw new CommandError(`Name one ${what} file.\n\n${usage}`);
  return file;
}

/** All mistakes of a file as one error, a line each: file, line, what was expected. */
export function fileRefused(file: string, problems: readonly AgreementProblem[]): CommandError {
  return new CommandError(problems.map((one) => `${file}:${printProblem(one)}`).join("\n"));
}
