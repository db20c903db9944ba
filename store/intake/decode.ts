/** The file is not text as expected; `line` is where reading stopped. */
export class NotText extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.name = "NotText";
    this.line = line;
  }
}

type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "utf-32le" | "utf-32be";

/** Longest first: the mark of UTF-32 begins with that of UTF-16. */
const marks: readonly (readonly [Encoding, readonly number[]])[] = [
  ["utf-32le", [0xff, 0xfe, 0, 0]],
  ["utf-32be", [0, 0, 0xfe, 0xff]],
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];

/** How `.xlsx` and `.xls` begin. */
const workbooks: readonly (readonly number[])[] = [
  [0x50, 0x4b, 3, 4],
  [0xd0, 0xcf, 0x11, 0xe0],
];

/**
 * Bytes of a file as text, piece by piece. A byte order mark says how it is encoded; without one it
 * must be UTF-8. Throws `NotText` where it is not: guessing an encoding would store wrong names.
 */
export async function* decode(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let start: Uint8Array | undefined = new Uint8Array();
  let decoder: Decoder | undefined;
  let line = 1;
  const pieces = function* (chunk: Uint8Array | undefined): Generator<string> {
    const text = refuseAt(
      () => line + linesBeforeFault(chunk),
      () => decoder?.(chunk) ?? "",
    );
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) line++;
    if (text !== "") yield text;
  };
  for await (const chunk of bytes) {
    if (start !== undefined) {
      start = new Uint8Array(Buffer.concat([start, chunk]));
      if (start.length < 4) continue;
      const begun = begin(start);
      decoder = begun.decoder;
      yield* pieces(start.subarray(begun.skip));
      start = undefined;
    } else yield* pieces(chunk);
  }
  if (start !== undefined) {
    const begun = begin(start);
    decoder = begun.decoder;
    yield* pieces(start.subarray(begun.skip));
  }
  yield* pieces(undefined);
}

/** Decodes the next bytes; undefined is the end. Throws a TypeError on bytes that are no text. */
type Decoder = (chunk: Uint8Array | undefined) => string;

function begin(start: Uint8Array): { decoder: Decoder; skip: number } {
  const marked = marks.find(([, bytes]) => bytes.every((byte, n) => start[n] === byte));
  // A workbook is the file that people mean to have saved as CSV.
  if (workbooks.some((bytes) => bytes.every((byte, n) => start[n] === byte)))
    throw new NotText(1, "expected a CSV file, found a workbook; save the sheet as CSV UTF-8");
  // UTF-16 and UTF-32 without a mark would pass for UTF-8 whose every other character is NUL. A NUL
  // further behind is a matter of its row.
  if (!marked && start.subarray(0, 4).includes(0)) throw new NotText(1, notText(1));
  const [encoding, mark] = marked ?? (["utf-8", []] as const);
  return {
    decoder: encoding.startsWith("utf-32") ? utf32(encoding === "utf-32le") : standard(encoding),
    skip: mark.length,
  };
}

function standard(encoding: Encoding): Decoder {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (chunk) => decoder.decode(chunk, { stream: chunk !== undefined });
}

/** TextDecoder has no UTF-32. */
function utf32(littleEndian: boolean): Decoder {
  let rest = new Uint8Array();
  return (chunk) => {
    const all = new Uint8Array(Buffer.concat([rest, chunk ?? new Uint8Array()]));
    const whole = all.length - (all.length % 4);
    if (chunk === undefined && whole !== all.length)
      throw new TypeError("the file ends inside a character");
    const view = new DataView(all.buffer, all.byteOffset, whole);
    let text = "";
    for (let at = 0; at < whole; at += 4) {
      const point = view.getUint32(at, littleEndian);
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        throw new TypeError("not a character");
      text += String.fromCodePoint(point);
    }
    rest = all.slice(whole);
    return text;
  };
}

function refuseAt<T>(line: () => number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TypeError) throw new NotText(line(), notText(line()));
    throw error;
  }
}

function notText(line: number): string {
  return (
    `near line ${line}: expected UTF-8, or UTF-16 or UTF-32 with a byte order mark; save the file ` +
    "as UTF-8"
  );
}

/** The lines of a piece that come before its first byte that is no text. */
function linesBeforeFault(chunk: Uint8Array | undefined): number {
  const readable = new TextDecoder().decode(chunk).split("\ufffd")[0] ?? "";
  return readable.split("\n").length - 1;
}
