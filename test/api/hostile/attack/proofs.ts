import { signWebhook } from "../../../../crm/webhook.ts";
import { signOffer } from "../../../../messages/offer-link.ts";
import { signingKey } from "../../../../store/access/signing-key.ts";
import { createToken, revokeToken } from "../../../../store/access/tokens.ts";
import { personas, type Persona } from "../../../support/people-world.ts";
import { bodyRoutes } from "../bodies.ts";
import { scopeOf } from "../../../../api/http/authorisation.ts";
import { asks, headersOf, mark, some, type Attack, type Group, type Target } from "./attacks.ts";

/** Tokens that are over, of others, or none; and others' leads. */
export async function tokens(target: Target): Promise<Group> {
  const { world, api } = target;
  const { pool } = world.people;
  const now = Date.now();
  const make = (label: string, expiresAt?: number) =>
    createToken(pool, { role: "operator", label, expiresAt }, now - 1_000);
  const [revoked, expired] = [await make("revoked"), await make("expired", now - 1)];
  await revokeToken(pool, revoked.id, now);
  const bearer = (what: string, authorization: string, path = "/leads"): Attack => ({
    what: `a token: ${what}`,
    send: () => api.send("GET", world.at(path), { headers: { authorization } }),
  });
  const good = world.people.token("operator");
  const others = bodyRoutes.flatMap(({ route, path, good: body }) =>
    (Object.keys(personas) as Persona[])
      .filter((persona) => scopeOf(route, personas[persona].role) === undefined)
      .map((persona) =>
        asks(target, `${persona}: ${route}`, route.split(" ")[0] ?? "", path, {
          as: persona,
          body: body(),
        }),
      ),
  );
  const theirs = (["other", "two", "chief"] as const).flatMap((as) => [
    asks(target, `${as}: another's lead`, "GET", "/leads/{lead}", { as }),
    asks(target, `${as}: another's history`, "GET", "/leads/{lead}/history", { as }),
    ...bodyRoutes
      .filter(({ path }) => path.startsWith("/leads/{lead}"))
      .map(({ route, path, good: body }) =>
        asks(target, `${as}: ${route} of another's lead`, route.split(" ")[0] ?? "", path, {
          as,
          body: body(),
        }),
      ),
    asks(target, `${as}: another's task`, "POST", "/tasks/{task}/done", { as, body: {} }),
    asks(target, `${as}: another's mail`, "GET", "/mail/{mail}", { as }),
    asks(target, `${as}: another's absence`, "PUT", "/roster/absences", {
      as,
      body: { absences: { rp_one: [] } },
    }),
  ]);
  return {
    name: "tokens and others' leads",
    attacks: [
      bearer("revoked", `Bearer ${revoked.secret}`),
      bearer("expired", `Bearer ${expired.secret}`),
      bearer("cut short", `Bearer ${good.slice(0, -1)}`),
      bearer("with a letter more", `Bearer ${good}x`),
      bearer("in capitals", `Bearer ${good.toUpperCase()}`),
      bearer("as Basic", `Basic ${Buffer.from(`${good}:`).toString("base64")}`),
      bearer("without a word before it", good),
      bearer("twice", `Bearer ${good}, Bearer ${good}`),
      bearer(
        "a JSON web token of no algorithm",
        "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoib3BlcmF0b3IifQ.",
      ),
      bearer("a person's address", `Bearer ${mark.email}`),
      bearer("of 600 characters", `Bearer ${"x".repeat(600)}`),
      bearer("SQL", "Bearer ' or '1'='1"),
      bearer("nothing", ""),
      asks(target, "no token", "GET", "/leads", { as: null }),
      asks(target, "a token in the address", "GET", `/leads?token=${good}`, { as: null }),
      asks(target, "a token in a cookie", "GET", "/leads", {
        as: null,
        headers: { cookie: `token=${good}` },
      }),
      asks(target, "a role in a header", "GET", "/leads", {
        as: null,
        headers: { "x-role": "operator", "x-forwarded-user": "operator" },
      }),
      ...some(target, others, 4),
      ...theirs,
      asks(target, "the outage of a rehearsal that is off", "PUT", "/house/trouble", {
        body: { kind: "down" },
      }),
    ],
  };
}

/** Webhooks without a proof, with one for something else, and such as cannot be kept. */
export function webhooks(target: Target): Group {
  const { world, api } = target;
  const now = Date.now();
  const body = `{"id":"x","note":"${mark.name}"}`;
  const sign = (sent: string | Uint8Array, id = "evt_1", at = now) => ({
    ...signWebhook(world.secret, { id, at, body: sent }),
  });
  const hook = (
    what: string,
    headers: Record<string, string>,
    sent: string | Uint8Array = body,
    source = "house",
  ): Attack => ({
    what: `a webhook: ${what}`,
    send: () => api.send("POST", `/webhooks/${source}`, { headers, body: sent }),
  });
  const signed = sign(body);
  const other = signWebhook(`whsec_${Buffer.alloc(24).toString("base64")}`, {
    id: "evt_1",
    at: now,
    body,
  });
  const bytes = (what: string, list: readonly number[]) => {
    const sent = new Uint8Array(list);
    return hook(`signed bytes: ${what}`, sign(sent, `evt_${what.length}`), sent);
  };
  const kept = (what: string, sent: string) => hook(`signed: ${what}`, sign(sent, "evt_odd"), sent);
  return {
    name: "webhooks",
    attacks: [
      hook("no signature", {}),
      hook("an empty signature", { ...signed, "webhook-signature": "" }),
      hook("a signature of nothing", { ...signed, "webhook-signature": "v1," }),
      hook("a signature of zeros", { ...signed, "webhook-signature": `v1,${"A".repeat(44)}` }),
      hook("another version", {
        ...signed,
        "webhook-signature": signed["webhook-signature"].replace("v1", "v2"),
      }),
      hook("another secret", { ...other }),
      hook("another id", { ...signed, "webhook-id": "evt_2" }),
      hook("no id", { ...signed, "webhook-id": "" }),
      hook("an id of 201 characters", { ...signed, "webhook-id": "x".repeat(201) }),
      hook("another body", { ...signed }, `${body} `),
      hook("ten minutes old", sign(body, "evt_old", now - 600_000)),
      hook("ten minutes early", sign(body, "evt_new", now + 600_000)),
      hook("of 1970", sign(body, "evt_1970", 1_000)),
      hook("of the year 5000", sign(body, "evt_5000", Date.UTC(5_000, 0))),
      hook("a time of words", { ...signed, "webhook-timestamp": "now" }),
      hook("a time in milliseconds", { ...signed, "webhook-timestamp": String(now) }),
      hook("a negative time", { ...signed, "webhook-timestamp": "-1" }),
      hook("thousands of signatures", { ...signed, "webhook-signature": "v1,AAAA ".repeat(1_500) }),
      hook("a source that is none", { ...signed }, body, "nowhere"),
      hook("a source in capitals", { ...signed }, body, "HOUSE"),
      hook("the prototype as a source", { ...signed }, body, "__proto__"),
      hook("a constructor as a source", { ...signed }, body, "constructor"),
      bytes("ff", [0x7b, 0xff, 0x7d]),
      bytes("overlong", [0x22, 0xc0, 0xaf, 0x22]),
      bytes("a surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22, 0x20]),
      bytes("UTF-16", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
      kept("nothing", ""),
      kept("no JSON", "{"),
      kept("a name twice", '{"a":1,"a":2}'),
      kept("the prototype", '{"__proto__":1}'),
      kept("NUL", '{"a":"\\u0000"}'),
      kept("half a character", '{"a":"\\ud800"}'),
      kept("a number that is not kept", '{"a":9007199254740993}'),
      kept("60 levels", `${"[".repeat(60)}${"]".repeat(60)}`),
      kept("a body of 300 KiB", `"${"x".repeat(300 * 1024)}"`),
    ],
  };
}

/** Links of mails that nobody was sent. */
export async function links(target: Target): Promise<Group> {
  const { world, api } = target;
  const now = Date.now();
  const key = await signingKey(world.people.pool, now);
  const link = { repId: "rp_one", leadId: world.things.lead, cycle: 1, round: 1, until: now + 1e8 };
  const good = signOffer(key, link);
  const [said = "", mac = ""] = good.split(".");
  const other = (parts: readonly unknown[]) =>
    Buffer.from(JSON.stringify(parts)).toString("base64url");
  const forged: readonly (readonly [string, string])[] = [
    ["signed with another key", signOffer(Buffer.alloc(32), link)],
    ["without a signature", said],
    ["with an empty signature", `${said}.`],
    ["with half a signature", `${said}.${mac.slice(0, 20)}`],
    ["with a signature more", `${good}.${mac}`],
    ["for another rep", `${other(["rp_two", link.leadId, 1, 1, 9e9])}.${mac}`],
    ["for later", `${other(["rp_one", link.leadId, 1, 1, 9e9])}.${mac}`],
    [
      "with a spelling of the same bytes",
      `${said}.${mac.slice(0, -1)}${mac.endsWith("A") ? "B" : "A"}`,
    ],
    ["in other letters", good.toUpperCase()],
    ["with padding", `${good}=`],
    ["of an object", `${other([{ $ne: 1 }])}.${mac}`],
    ["of the prototype", `__proto__.${mac}`],
    ["a person's address", mark.email],
    ["600 characters", "x".repeat(600)],
    ["dots", "...."],
  ];
  return {
    name: "links of mails",
    attacks: forged.flatMap(([what, token], n): Attack[] => {
      const path = `/console/offer/${encodeURIComponent(token)}`;
      const open = { what: `a link ${what}`, send: () => api.send("GET", path) };
      const press = {
        what: `a button of a link ${what}`,
        send: () =>
          api.send("POST", path, {
            headers: { "content-type": "application/x-www-form-urlencoded" },
            body: `action=accept&key=${String(n).padStart(32, "0")}`,
          }),
      };
      return [open, press];
    }),
  };
}

/** The same with what is good: each is answered by more than a refusal. */
export async function goodProofs(target: Target): Promise<readonly Attack[]> {
  const { world, api } = target;
  const now = Date.now();
  const body = '{"id":"x"}';
  const key = await signingKey(world.people.pool, now);
  const link = { repId: "rp_one", leadId: world.things.lead, cycle: 1, round: 1, until: now + 1e8 };
  const hook: Attack = {
    what: "a signed webhook",
    send: () =>
      api.send("POST", "/webhooks/house", {
        headers: { ...signWebhook(world.secret, { id: "evt_good", at: now, body }) },
        body,
      }),
  };
  return [
    { what: "a link", send: () => api.send("GET", `/console/offer/${signOffer(key, link)}`) },
    hook,
    { ...hook, what: "a webhook again" },
    { what: "a token", send: () => api.send("GET", "/leads", { headers: headersOf(target) }) },
  ];
}
