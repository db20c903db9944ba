import { hash } from "node:crypto";
import { BlockList, isIP } from "node:net";
import type { Context, MiddlewareHandler } from "hono";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Role } from "../../store/access/tokens.ts";
import type { AppEnv, RateLimits } from "../deps.ts";
import { Problem } from "./errors.ts";

/** Counts what senders ask, in this process. */
export interface Rates {
  /** Refuses an address that asks too often; health stays free. */
  readonly perAddress: MiddlewareHandler<AppEnv>;
  /** Throws a 429 when the token asks too often. */
  token(id: string, role: Role): Promise<void>;
  /** Throws a 429 when the address has sent many wrong tokens, unless this one was right lately. */
  mayTry(c: Context<AppEnv>, secret: string): Promise<void>;
  /** Notes whether the token was right. */
  tried(c: Context<AppEnv>, secret: string, isRight: boolean): Promise<void>;
  /** Throws a 429 when mails to sign in are asked for too often, for one address or from one host. */
  readonly signInMail: (c: Context<AppEnv>, mailAddress: string) => Promise<void>;
}

const windowSeconds = 10;
/** A person with a screen asks less than a machine that passes on what many do. */
const shareOfPeople = 1 / 10;
/** So many wrong tokens of an address are mistakes; after them one a second is looked up. */
const wrongTokens = { points: 20, duration: 60 };

/** Mails to sign in, in an hour: of one mail address, and asked for from one host. */
const signInMails = { ofAddress: 5, ofHost: 20, duration: 3600 };

/** Without limits everybody asks as much as they like, but for mails to sign in. */
export function createRates(limits: RateLimits | undefined): Rates {
  return {
    ...(limits === undefined ? unlimited : limited(limits)),
    signInMail: signInMailLimit(limits?.trustedProxies ?? []),
  };
}

/** Whether somebody has the address or not: who asks learns nothing of it. */
function signInMailLimit(trustedProxies: readonly string[]): Rates["signInMail"] {
  const { ofAddress, ofHost, duration } = signInMails;
  const proxies = proxyList(trustedProxies);
  const mailAddresses = new RateLimiterMemory({ points: ofAddress, duration, keyPrefix: "" });
  const hosts = new RateLimiterMemory({ points: ofHost, duration, keyPrefix: "" });
  return async (c, mailAddress) => {
    await count(hosts, addressOf(c, proxies), `${ofHost} mails to sign in an hour from one host`);
    await count(mailAddresses, digest(mailAddress), `${ofAddress} mails to sign in an hour`);
  };
}

const unlimited: Omit<Rates, "signInMail"> = {
  perAddress: (_, next) => next(),
  token: () => Promise.resolve(),
  mayTry: () => Promise.resolve(),
  tried: () => Promise.resolve(),
};

function limited({ perToken, perAddress, trustedProxies }: RateLimits): Omit<Rates, "signInMail"> {
  const proxies = proxyList(trustedProxies);
  const ofAddress = limiter(perAddress);
  const ofMachine = limiter(perToken);
  const ofPerson = limiter(perToken * shareOfPeople);
  const wrong = new RateLimiterMemory({ ...wrongTokens, keyPrefix: "" });
  const trickle = new RateLimiterMemory({ points: 1, duration: 1, keyPrefix: "" });
  const right = new Set<string>();
  return {
    perAddress: async (c, next) => {
      if (ofAddress && c.req.path !== "/healthz")
        await count(
          ofAddress,
          addressOf(c, proxies),
          `${perAddress} requests a second from one address`,
        );
      return next();
    },
    token: async (id, role) => {
      const isPerson = role === "rep" || role === "manager";
      const counted = isPerson ? ofPerson : ofMachine;
      const most = isPerson ? perToken * shareOfPeople : perToken;
      if (counted) await count(counted, id, `${most} requests a second with one token`);
    },
    mayTry: async (c, secret) => {
      const address = addressOf(c, proxies);
      const failed = await wrong.get(address);
      if (failed === null || failed.consumedPoints < wrongTokens.points) return;
      if (right.has(digest(secret))) return;
      await count(trickle, address, "one unknown token a second after many wrong ones");
    },
    tried: async (c, secret, isRight) => {
      if (!isRight) return void (await wrong.consume(addressOf(c, proxies)).catch(() => undefined));
      // Forgotten in the order of their first use; a token that is used comes back at once.
      if (right.size >= 10_000) right.delete(right.values().next().value ?? "");
      right.add(digest(secret));
    },
  };
}

function limiter(perSecond: number): RateLimiterMemory | undefined {
  if (perSecond <= 0) return undefined;
  const points = Math.max(1, Math.round(perSecond * windowSeconds));
  return new RateLimiterMemory({ points, duration: windowSeconds, keyPrefix: "" });
}

async function count(limit: RateLimiterMemory, key: string, most: string): Promise<void> {
  try {
    await limit.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw new Problem("too-many-requests", {
      detail: `expected at most ${most}; wait before the next`,
      retryAfter: Math.max(1, Math.ceil(error.msBeforeNext / 1000)),
    });
  }
}

/**
 * Where a request comes from: the peer, or what a trusted proxy says of it. Addresses of IPv6 count
 * by their network of 64 bits, which is one customer's.
 */
function addressOf(c: Context<AppEnv>, proxies: BlockList): string {
  const env = c.env as { incoming?: { socket: { remoteAddress?: string } } } | undefined;
  let address = plain(env?.incoming?.socket.remoteAddress ?? "");
  const told = (c.req.header("x-forwarded-for") ?? "").split(",").map((one) => plain(one.trim()));
  while (isProxy(proxies, address)) {
    const before = told.pop();
    if (before === undefined || isIP(before) === 0) break;
    address = before;
  }
  return isIP(address) === 6 ? networkOf(address) : address;
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** The first four groups of an IPv6 address. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length);
  const all = [...groups, ...Array.from({ length: zeros }, () => "0"), ...after];
  return all
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":");
}

function isProxy(proxies: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && proxies.check(address, version === 6 ? "ipv6" : "ipv4");
}

function proxyList(trusted: readonly string[]): BlockList {
  const list = new BlockList();
  for (const one of trusted) {
    const [address = "", bits] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function digest(secret: string): string {
  return hash("sha256", secret, "base64");
}
