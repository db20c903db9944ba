import { badCursors, badLimits, badQueries, queryRoutes } from "../queries.ts";
import {
  asks,
  headersOf,
  mark,
  says,
  some,
  type Attack,
  type Group,
  type Target,
} from "./attacks.ts";

/** Headers, lengths and pieces that only a socket can send. */
export function headers(target: Target): Group {
  const { world, api } = target;
  const token = `Authorization: Bearer ${world.people.token("operator")}`;
  const good = `{"facts":{"lead.email":"${mark.email}"}}`;
  const post = (lines: string, body = good, route = "/leads") =>
    `POST ${route} HTTP/1.1\r\nHost: baton.test\r\nConnection: ` +
    `close\r\n${token}\r\nContent-Type: application/json\r\n${lines}\r\n\r\n${body}`;
  const get = (lines: string, line = "GET /leads HTTP/1.1") => `${line}\r\n${lines}\r\n\r\n`;
  const key = (what: string, value: string) =>
    says(
      target,
      `a key: ${what}`,
      post(`Idempotency-Key: ${value}\r\nContent-Length: ${good.length}`),
    );
  const typed = (type: string): Attack => ({
    what: `a type: ${type}`,
    send: () =>
      api.send("POST", "/leads", {
        headers: headersOf(target, "operator", { "content-type": type }),
        body: good,
      }),
  });
  const smuggled = "GET /leads HTTP/1.1\r\nHost: x\r\n\r\n";
  return {
    name: "headers",
    attacks: [
      key("empty", ""),
      key("blank", "   "),
      key("two words", "a b"),
      key("letters beyond ASCII", "\u00e9"),
      key("201 characters", "x".repeat(201)),
      key("10,000 characters", "x".repeat(10_000)),
      key("a tab", "a\tb"),
      key("several", "a, b"),
      key("a control character", "a\u0001b"),
      key("DEL", "a\u007fb"),
      says(
        target,
        "two keys",
        post(`Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: ${good.length}`),
      ),
      says(target, "two lengths", post("Content-Length: 2\r\nContent-Length: 30")),
      says(target, "two lengths in one", post("Content-Length: 2, 30")),
      says(target, "a negative length", post("Content-Length: -1")),
      says(target, "a length with a sign", post("Content-Length: +2")),
      says(target, "a length in hexadecimal", post("Content-Length: 0x2f")),
      says(target, "a length with an exponent", post("Content-Length: 2e1")),
      says(target, "a length of blanks", post("Content-Length:  ")),
      says(target, "a length beyond numbers", post(`Content-Length: ${"9".repeat(40)}`)),
      says(target, "a length of 100 GB", post("Content-Length: 99999999999")),
      says(target, "a length too small", post("Content-Length: 5")),
      says(target, "a length of nothing", post("Content-Length: 0")),
      says(
        target,
        "a length and pieces",
        post("Content-Length: 4\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`),
      ),
      says(
        target,
        "pieces and a length",
        post("Transfer-Encoding: chunked\r\nContent-Length: 4", `5c\r\n${smuggled}\r\n0\r\n\r\n`),
      ),
      says(
        target,
        "pieces, twice",
        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
      ),
      says(
        target,
        "pieces that are none",
        post("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
      ),
      says(target, "another encoding", post("Transfer-Encoding: xchunked", "0\r\n\r\n")),
      says(target, "a space before the colon", post("Transfer-Encoding : chunked", "0\r\n\r\n")),
      says(target, "a folded header", post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n")),
      says(
        target,
        "a vertical tab in the encoding",
        post("Transfer-Encoding: \u000bchunked", "0\r\n\r\n"),
      ),
      says(
        target,
        "a piece of no size",
        post("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
      ),
      says(
        target,
        "a piece of a negative size",
        post("Transfer-Encoding: chunked", "-1\r\n{}\r\n0\r\n\r\n"),
      ),
      says(
        target,
        "a piece of an endless size",
        post("Transfer-Encoding: chunked", `${"f".repeat(20)}\r\n{}\r\n0\r\n\r\n`),
      ),
      says(
        target,
        "an extension of a piece without end",
        post("Transfer-Encoding: chunked", `2;${"x".repeat(40_000)}\r\n{}\r\n0\r\n\r\n`),
      ),
      says(
        target,
        "trailers that are headers",
        post("Transfer-Encoding: chunked", `0\r\nAuthorization: Bearer x\r\n\r\n`),
      ),
      says(
        target,
        "lines that end with line feeds alone",
        post("Transfer-Encoding: chunked", "2\n{}\n0\n\n"),
      ),
      says(target, "no host", get(`${token}\r\nX: y`)),
      says(target, "two hosts", get(`Host: a\r\nHost: b\r\n${token}`)),
      says(target, "HTTP/2 as text", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      says(
        target,
        "TLS",
        "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n",
      ),
      says(target, "another protocol", get("Host: x", "GET /leads SPDY/3")),
      says(target, "HTTP 0.9", "GET /leads\r\n\r\n"),
      says(target, "a method that is none", get("Host: x", "GE T /leads HTTP/1.1")),
      says(target, "a method in small letters", get("Host: x", "get /leads HTTP/1.1")),
      says(target, "a tunnel", get("Host: x", "CONNECT baton.test:443 HTTP/1.1")),
      says(
        target,
        "TRACE",
        get(`Host: x\r\nConnection: close\r\n${token}`, "TRACE /leads HTTP/1.1"),
      ),
      says(target, "a star", get(`Host: x\r\nConnection: close`, "OPTIONS * HTTP/1.1")),
      says(
        target,
        "another's address",
        get(`Host: x\r\nConnection: close`, "GET http://baton.test/leads HTTP/1.1"),
      ),
      says(
        target,
        "an address without end",
        get("Host: x", `GET /leads?q=${"x".repeat(20_000)} HTTP/1.1`),
      ),
      says(target, "a header without end", get(`Host: x\r\nX: ${"x".repeat(20_000)}`)),
      says(
        target,
        "3,000 headers",
        get(`Host: x\r\n${Array.from({ length: 3_000 }, (_, n) => `X-${n}: x`).join("\r\n")}`),
      ),
      says(target, "a NUL in a header", get(`Host: x\r\nX: a\u0000b`)),
      says(target, "a line feed in a header", get(`Host: x\r\nX: a\nb`)),
      says(target, "a header without a name", get(`Host: x\r\n: b`)),
      ...[
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json-patch+json",
        "application/json, text/plain",
        "application/jsonp",
        "text/json",
        "*/*",
      ].map(typed),
      ...["gzip", "br", "deflate", "gzip, gzip", "zstd"].map((encoding) => ({
        what: `an encoding: ${encoding}`,
        send: () =>
          api.send("POST", "/leads", {
            headers: headersOf(target, "operator", {
              "content-type": "application/json",
              "content-encoding": encoding,
            }),
            body: good,
          }),
      })),
    ],
  };
}

/** Addresses and queries. */
export function paths(target: Target): Group {
  const to = (what: string, path: string, method = "GET", more = {}) =>
    asks(target, what, method, path, more);
  const cursor = (what: string, path: string, value: string) =>
    to(`a cursor: ${what}`, `${path}${path.includes("?") ? "&" : "?"}cursor=${value}`);
  const paged = queryRoutes.filter(({ pages }) => pages);
  return {
    name: "paths and queries",
    attacks: [
      to("an encoded slash", "/leads%2f{lead}"),
      to("an encoded slash in an id", "/leads/x%2f..%2f{lead}"),
      to("dots", "/leads/../../etc/passwd"),
      to("encoded dots", "/leads/%2e%2e/%2e%2e/etc/passwd"),
      to("an encoded backslash", "/leads/..%5c..%5cetc"),
      to("two slashes", "//leads"),
      to("a slash behind", "/leads/{lead}/"),
      to("encoded twice", "/leads/%252e%252e"),
      to("an address in capitals", "/LEADS"),
      to("a semicolon", "/leads;jsessionid=1"),
      to("NUL", "/leads/%00"),
      to("NUL behind", "/leads/{lead}%00"),
      to("half an encoding", "/leads/%"),
      to("an encoding of nothing", "/leads/%zz"),
      to("bytes that are no UTF-8", "/leads/%ff%fe"),
      to("an overlong slash", "/leads/%c0%af"),
      to("a surrogate", "/leads/%ed%a0%80"),
      to("a person's address as an id", `/leads/${mark.email}`),
      to("a person's name as an id", `/leads/${encodeURIComponent(mark.name)}/history`),
      to("5,000 characters", `/leads/${"x".repeat(5_000)}`),
      to("a file", "/.env"),
      to("another's file", "/.git/config"),
      to("Temporal's pages", "/api/v1/namespaces"),
      to("Postgres", "/pg_stat_activity"),
      to("a query in a path", "/leads%3flimit=1"),
      to("a fragment", "/leads/%23"),
      to("a mail of nobody", `/mail/${encodeURIComponent(mark.email)}`),
      to("a report that is none", "/reports/constructor"),
      to("a report of another form", "/reports/funnel.xml"),
      to("a column that is none", "/reports/funnel?groupBy=lead_id;drop"),
      to("a search with a person's address twice", `/leads?q=${mark.word}&q=${mark.word}`),
      to("a search that is too long", `/leads?q=${"x".repeat(201)}`),
      to("a search of NUL", "/leads?q=a%00"),
      to("a search that is no UTF-8", "/leads?q=%ff&limit=x"),
      to("a day that is none", "/reports/funnel?from=2026-02-30T00:00:00Z"),
      to("a time of words", `/reports/funnel?from=${mark.word}`),
      to("a time before time", "/reports/funnel?from=-271821-04-20T00:00:00Z"),
      to(
        "the end before the beginning",
        "/reports/funnel?from=2026-12-01T00:00:00Z&to=2026-11-01T00:00:00Z",
      ),
      to("DELETE without a record", "/house/leads/HL-none?by=rp_one", "DELETE"),
      to("a person who is none", `/people/${mark.word}`, "DELETE"),
      to("a method that is not there", "/leads", "DELETE"),
      to("PUT for POST", "/leads", "PUT", { body: {} }),
      to("HEAD of nothing", "/nothing", "HEAD"),
      ...badCursors.flatMap(([what, value], n) =>
        some(target, paged, paged.length, n).flatMap(({ path, cursors }) =>
          cursors?.includes(what) ? [] : [cursor(what, path, value)],
        ),
      ),
      cursor("of another list", "/tasks", Buffer.from('["x"]').toString("base64url")),
      ...some(target, paged, 3).flatMap(({ path }, n) =>
        some(target, badLimits, 4, n).map((limit) => to("a limit", `${path}?limit=${limit}`)),
      ),
      ...some(target, badQueries, 1).map((query) => to("a query", `/leads?${query}`)),
      ...queryRoutes
        .filter(({ path }) => !path.startsWith("/reports"))
        .flatMap(({ path, bad = {} }, n) =>
          Object.entries(bad).flatMap(([name, values]) =>
            some(target, values, 3, n).map((value) =>
              to(`a value of ${name}`, `${path}?${name}=${value}`),
            ),
          ),
        ),
    ],
  };
}
