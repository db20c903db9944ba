import { createHash } from "node:crypto";
import { once } from "node:events";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { longestBodyMs, piecesInTime } from "./body.ts";
import { bounded } from "./bounded.ts";
import { Problem } from "./errors.ts";

/** A form as it was sent. */
export interface FormParts {
  readonly texts: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<
    string,
    {
      readonly pieces: readonly Uint8Array[];
      readonly fileHash: string;
      /** As its sender calls it, without a path. */
      readonly name: string;
    }
  >;
  /** Names of fields that are not expected, or came twice. */
  readonly others: readonly string[];
}

export interface FormBounds {
  readonly fileBytes: number;
  readonly textBytes: number;
  /** A piece must follow the one before within so long; the whole must have come in a time by its size. */
  readonly timeoutMs: number;
  /** The fields that a form may have, each once. */
  readonly fields: readonly string[];
}

const roomForHeaders = 64 * 1024;

/**
 * Reads multipart/form-data as it comes, piece by piece, and meanwhile nobody waits for it. Throws
 * a `Problem` for what is no form, too large or too slow.
 */
export async function readMultipart(request: Request, bounds: FormBounds): Promise<FormParts> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data(;|$)/i.test(type))
    throw new Problem("unsupported-media-type", {
      field: "content-type",
      detail: "send multipart/form-data with the fields file and map",
    });
  const texts = new Map<string, string>();
  const files = new Map<string, { pieces: Uint8Array[]; fileHash: string; name: string }>();
  const others: string[] = [];
  let refused: Problem | undefined;
  const isNew = (name: string): boolean => {
    const expected = bounds.fields.includes(name) && !texts.has(name) && !files.has(name);
    if (!expected) others.push(name);
    return expected;
  };
  const busboy = busboyOf(type, bounds);
  busboy.on("field", (name, value, _, isCut) => {
    if (isCut) refused ??= tooLarge(name.slice(0, 100), bounds.textBytes);
    else if (isNew(name)) texts.set(name, value);
  });
  busboy.on("file", (name, stream, fileName) => {
    const isWanted = isNew(name);
    const pieces: Uint8Array[] = [];
    const hash = createHash("sha256");
    const called = (fileName ?? "").slice(0, 300);
    if (isWanted) files.set(name, { pieces, fileHash: "", name: called });
    stream.on("limit", () => {
      refused ??= tooLarge("file", bounds.fileBytes, "; import a larger one with `baton import`");
    });
    stream.on("data", (piece: Uint8Array) => {
      if (!isWanted || refused) return;
      pieces.push(piece);
      hash.update(piece);
    });
    stream.on("end", () => {
      if (isWanted) files.set(name, { pieces, fileHash: hash.digest("hex"), name: called });
    });
    // A part that breaks off breaks the form, which says so.
    stream.on("error", () => undefined);
  });
  for (const limit of ["partsLimit", "filesLimit", "fieldsLimit"] as const)
    busboy.on(limit, () => {
      refused ??= new Problem("invalid", {
        field: "body",
        detail: `expected the fields ${bounds.fields.join(", ")}, each once`,
      });
    });
  const ended = once(busboy, "finish");
  // Heard below; it may fail before.
  ended.catch(() => undefined);
  // Bytes between the parts belong to no field, so the whole is counted too.
  const most = bounds.fileBytes + bounds.textBytes * bounds.fields.length + roomForHeaders;
  let size = 0;
  try {
    const announced = Number(request.headers.get("content-length") ?? most);
    const pieceMs = bounds.timeoutMs;
    const wholeMs = longestBodyMs(pieceMs, Math.min(announced, most));
    for await (const piece of piecesInTime(request.body, { pieceMs, wholeMs })) {
      size += piece.length;
      if (size > most) refused ??= tooLarge("file", bounds.fileBytes);
      if (refused) throw refused;
      if (!busboy.write(piece))
        await bounded(bounds.timeoutMs, Promise.race([once(busboy, "drain"), ended]), formHasNoEnd);
    }
    busboy.end();
    await bounded(bounds.timeoutMs, ended, formHasNoEnd);
  } catch (error) {
    if (refused) throw refused;
    if (error instanceof Problem) throw error;
    throw new Problem("malformed", {
      field: "body",
      detail: "this is not multipart/form-data, or it ends too early",
    });
  }
  if (refused) throw refused;
  return { texts, files, others };
}

/** What is no form at all can leave its reader waiting for a part that never comes. */
function formHasNoEnd(): never {
  throw new Error("the form has no end");
}

function busboyOf(type: string, { fileBytes, textBytes, fields }: FormBounds): BusboyInstance {
  try {
    return Busboy({
      headers: { "content-type": type },
      limits: {
        parts: fields.length + 2,
        files: fields.length,
        fields: fields.length,
        fileSize: fileBytes,
        fieldSize: textBytes,
        headerPairs: 20,
        headerSize: 8_192,
      },
    });
  } catch {
    throw new Problem("malformed", {
      field: "content-type",
      detail: "expected multipart/form-data with its boundary",
    });
  }
}

function tooLarge(field: string, most: number, more = ""): Problem {
  return new Problem("too-large", {
    field,
    detail: `expected at most ${most} bytes, found more${more}`,
  });
}
