import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { readMultipart } from "../../../api/http/form.ts";

/** A form of which a byte comes now and then, and never the end. */
async function* dripping() {
  yield Buffer.from('--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n');
  for (;;) {
    await pause(20);
    yield Buffer.from("a");
  }
}

test.each([{}, { "content-length": "700" }])(
  "a form that comes steadily and without end is given up: %o",
  async (length) => {
    const request = new Request("http://127.0.0.1/imports", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x", ...length },
      body: ReadableStream.from(dripping()),
      duplex: "half",
    });
    const bounds = { fileBytes: 100, textBytes: 10, timeoutMs: 100, fields: ["file"] };
    await expect(readMultipart(request, bounds)).rejects.toMatchObject({
      status: 408,
      parts: { field: "body" },
    });
  },
);
