import { asks, mark, type Attack, type Group, type Target } from "./attacks.ts";

const at = mark.email;
const who = "zacharias";
const host = "quillfeather.example.com";

/** What is no address of one person. */
export const noAddresses: readonly (readonly [string, string])[] = [
  ["none", "none"],
  ["n/a", "n/a"],
  ["a name", mark.name],
  ["a telephone number", mark.phone],
  ["two with a comma", `${at}, ${at}`],
  ["two with a semicolon", `${at};${at}`],
  ["two with a space", `${at} ${at}`],
  ["two with a slash", `${at} / ${at}`],
  ["two with 'or'", `${at} or ${at}`],
  ["two with a line break", `${at}\n${at}`],
  ["a header behind a line break", `${at}\r\nBcc: ${at}`],
  ["a line break inside", `${who}\n@${host}`],
  ["a separator of lines", `${who}\u2028@${host}`],
  ["a separator of paragraphs", `${who}@${host}\u2029Bcc`],
  ["a next line", `${who}@quill\u0085feather.com`],
  ["a vertical tab", `${who}\u000b@${host}`],
  ["half a character", `${who}\ud83d@${host}`],
  ["a NUL", `${who}\u0000@${host}`],
  ["no at", `${who}.${host}`],
  ["two ats", `${who}@@${host}`],
  ["an at at the end", `${who}@`],
  ["an at at the beginning", `@${host}`],
  ["another address before it", `other.${at} <${at}>`],
  ["quotes", `"${mark.name}"@${host}`],
  ["a comment", `${who}(comment)@${host}`],
  ["a space inside", `${who} quill@${host}`],
  ["two dots", `${who}..quill@${host}`],
  ["a dot before", `.${who}@${host}`],
  ["a dot behind", `${who}.@${host}`],
  ["no top-level domain", `${who}@quillfeather`],
  ["localhost", `${who}@localhost`],
  ["an address of four numbers", `${who}@[127.0.0.1]`],
  ["four numbers", `${who}@127.0.0.1`],
  ["a port", `${who}@${host}:25`],
  ["a path", `${who}@${host}/quill`],
  ["a percent sign of a line break", `${who}@${host}%0d%0a`],
  ["a hyphen first", `${who}@-${host}`],
  ["a hyphen last", `${who}@quillfeather-.com`],
  ["a label of 64", `${who}@${"q".repeat(64)}.com`],
  ["a domain of 260", `${who}@${"quill.".repeat(43)}com`],
  ["a name of 65", `${"z".repeat(65)}@${host}`],
  ["300 characters", `${"z".repeat(290)}@${host}`],
  ["10,000 characters", `${"z.".repeat(4_900)}@${host}`],
  ["an IDN that is none", `${who}@xn--${"9".repeat(40)}.com`],
  ["an IDN of nothing", `${who}@xn--.com`],
  ["an IDN that would be another", `${who}@xn--a.quillfeather.com`],
  ["an IDN whose label grows too long", `${who}@${"ü".repeat(63)}.de`],
  ["emoji as a host", `${who}@\u{1f600}.com`],
  ["a letter of two directions", `${who}@\u05d0a.com`],
  ["a soft hyphen alone", `${who}@\u00ad.com`],
  ["a full-width at", `${who}\uff20${host}`],
  ["a small at", `${who}\ufe6b${host}`],
  ["a zero-width space", `${who}@quill\u200b feather.com`],
  ["an override of direction", `${who}@\u202emoc.com`],
  ["a mailto link with a copy", `mailto:${at}?cc=${at}`],
  ["an address of the web", `https://${host}/${who}`],
  ["a formula", `=1+1`],
  ["SQL", `' or '1'='1`],
  ["a template", "{{email}}"],
  ["blank", " "],
  ["nothing", ""],
  ["a hyphen", "-"],
  ["unknown", "unknown"],
];

/** Addresses that are none where nothing else names the person: as lead, rep and record. */
export function addresses(target: Target): Group {
  const lead = (what: string, email: string): Attack =>
    asks(target, `a lead: ${what}`, "POST", "/leads", {
      body: { facts: { "lead.email": email, "lead.name": mark.name, "lead.phone": mark.phone } },
    });
  const rep = (what: string, email: string): Attack =>
    asks(target, `a rep: ${what}`, "PUT", "/roster/reps", {
      body: { reps: [{ id: "rp_mark", name: mark.name, email, role: "rep" }] },
    });
  const keyed = (what: string, email: string): Attack =>
    asks(target, `a lead with a key: ${what}`, "POST", "/leads", {
      headers: { "idempotency-key": `attack-${Math.random()}` },
      body: { facts: { "lead.email": email, "lead.name": mark.name } },
    });
  return {
    name: "e-mail addresses",
    attacks: noAddresses.flatMap(([what, email], n) =>
      target.isLong
        ? [lead(what, email), rep(what, email), keyed(what, email)]
        : [lead(what, email), n % 2 ? rep(what, email) : keyed(what, email)],
    ),
  };
}
