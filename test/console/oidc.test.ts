import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { createApp } from "../../api/app.ts";
import { oidcRedirect } from "../../api/console/paths.ts";
import type { Routes } from "../../api/deps.ts";
import { createOidc } from "../../api/oidc.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

const publicUrl = "http://baton.test";
const clientSecret = "a secret of this test, long enough";

/** Who the provider says has come; each test has somebody. */
let account: { email?: string; email_verified?: boolean };
let server: Server;
let issuer: string;
let world: PeopleWorld;
let app: Routes;

beforeAll(async () => {
  server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  serveProvider();
  world = await peopleWorld();
  app = appWith(issuer);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await world.close();
});
beforeEach(() => {
  account = { email: "RP_one@example.com", email_verified: true };
});

/** A real provider, whose person agrees to everything at once. */
function serveProvider(): void {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "baton",
        client_secret: clientSecret,
        redirect_uris: [oidcRedirect(publicUrl)],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    cookies: { keys: ["a key of this test"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: () => "/agree" },
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, ...account }),
    }),
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (!request.url?.startsWith("/agree")) return void answer(request, response);
    void (async () => {
      const { prompt, params } = await provider.interactionDetails(request, response);
      if (prompt.name === "login")
        return provider.interactionFinished(request, response, { login: { accountId: "one" } });
      const grant = new provider.Grant({ accountId: "one", clientId: params.client_id });
      grant.addOIDCScope("openid email");
      const consent = { grantId: await grant.save() };
      return provider.interactionFinished(request, response, { consent });
    })();
  });
}

function appWith(from: string): Routes {
  return createApp({
    ...world.pools,
    agreements: createAgreements(agreementOf),
    temporal: { reachable: () => Promise.resolve(false), close: () => Promise.resolve() },
    clock: () => world.now(),
    publicUrl,
    log: pino({ level: "silent" }),
    oidc: createOidc({
      issuer: from,
      clientId: "baton",
      clientSecret,
      redirectUri: oidcRedirect(publicUrl),
    }),
  });
}

/** What a browser does: follows redirects, and keeps cookies of each host. */
class Browsing {
  readonly cookies = new Map<string, Map<string, string>>();

  async get(address: string): Promise<Response> {
    const url = new URL(address);
    const jar = this.cookies.get(url.host) ?? new Map<string, string>();
    this.cookies.set(url.host, jar);
    const init = {
      redirect: "manual" as const,
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
    };
    const answer =
      url.origin === publicUrl ? await app.request(address, init) : await fetch(url, init);
    for (const set of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === "" || /expires=Thu, 01 Jan 1970|max-age=0/i.test(set)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  /** Goes on until no redirect is left, or until it would leave for an address that `stops`. */
  async follow(
    address: string,
    stops: (address: string) => boolean = () => false,
  ): Promise<[string, Response]> {
    for (let at = address, n = 0; n < 20; n++) {
      const answer = await this.get(at);
      const location = answer.headers.get("location");
      if (location === null) return [at, answer];
      at = new URL(location, at).href;
      if (stops(at)) return [at, answer];
    }
    throw new Error("redirected in a circle");
  }
}

const begin = `${publicUrl}/console/oidc?to=${encodeURIComponent("/console/me?a=b")}`;
const isBack = (address: string) => address.startsWith(`${publicUrl}/console/oidc/back`);

describe("sign-in by a real OpenID provider", () => {
  test("leads to it and back, to the page that was asked for, as the person with the mail address", async () => {
    const browsing = new Browsing();
    const first = await browsing.get(begin);
    const query = new URL(first.headers.get("location") ?? "").searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      response_type: "code",
      scope: "openid email",
      code_challenge_method: "S256",
    });
    for (const name of ["state", "nonce", "code_challenge"])
      expect(query.get(name)).toMatch(/.{20,}/);
    const [address, page] = await browsing.follow(begin);
    expect([address, page.status]).toEqual([`${publicUrl}/console/me?a=b`, 200]);
    expect(await page.text()).toContain("Person rp_one");
    expect([...(browsing.cookies.get("baton.test") ?? [])].map(([name]) => name)).toEqual([
      "baton-80",
    ]);
    const { rows } = await world.pool.query(
      "select actor, detail->>'way' as way from audit where what = 'session.started'",
    );
    expect(rows).toEqual([{ actor: "rp_one", way: "oidc" }]);
  });

  test.each([
    ["an address that is not verified", { email: "rp_one@example.com", email_verified: false }],
    ["an address of which nothing is said", { email: "rp_one@example.com" }],
    ["no address", {}],
    ["an address that nobody of the roster has", { email: "x@example.com", email_verified: true }],
  ])("%s signs nobody in", async (_, claims) => {
    account = claims;
    const browsing = new Browsing();
    const [, page] = await browsing.follow(begin);
    expect([page.status, await page.text()]).toEqual([
      403,
      expect.stringContaining("Not signed in"),
    ]);
    expect(browsing.cookies.get("baton.test")?.has("baton-80")).toBe(false);
  });

  test("an answer is worth nothing in another browser, with another state, or a second time", async () => {
    const browsing = new Browsing();
    const [back] = await browsing.follow(begin, isBack);
    const stranger = new Browsing();
    expect((await stranger.get(back)).status).toBe(403);
    const began = new Browsing();
    await began.get(begin);
    expect((await began.get(back)).status).toBe(403);
    const forged = new URL(back);
    forged.searchParams.set("code", "x".repeat(43));
    const other = new Browsing();
    const [own] = await other.follow(begin, isBack);
    forged.searchParams.set("state", new URL(own).searchParams.get("state") ?? "");
    expect((await other.get(forged.href)).status).toBe(403);
    expect((await browsing.get(back)).status).toBe(303);
    expect((await browsing.get(back)).status).toBe(403);
  });

  test.each(["", "x", "e30", Buffer.from('{"state":1}').toString("base64url"), "a".repeat(9000)])(
    "a cookie of %j is none of ours",
    async (value) => {
      const answer = await app.request(`${publicUrl}/console/oidc/back?code=a&state=b`, {
        headers: { cookie: `baton-80-oidc=${value}` },
      });
      expect(answer.status).toBe(403);
    },
  );

  test("where it is set, links by mail are off", async () => {
    const page = await app.request(`${publicUrl}/console/in`);
    const text = await page.text();
    expect(text).toContain(`Sign in with ${new URL(issuer).host}`);
    expect(text).not.toContain("<form");
    const asked = await app.request(`${publicUrl}/console/in`, {
      method: "POST",
      headers: { origin: publicUrl, "content-type": "application/x-www-form-urlencoded" },
      body: `key=${"a".repeat(32)}&email=rp_one@example.com`,
    });
    expect(asked.status).toBe(403);
  });

  test("a provider that does not answer is a page that says so; without one there is no such page", async () => {
    const away = await appWith("http://127.0.0.1:1").request(begin);
    expect([away.status, await away.text()]).toEqual([503, expect.stringContaining("Try again")]);
    expect((await world.app.request(begin)).status).toBe(404);
  });
});
