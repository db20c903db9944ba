import * as client from "openid-client";

/** How people sign in who have an account with an OpenID provider. */
export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the provider leads people back to, which it must know. */
  readonly redirectUri: string;
}

/** What a browser keeps while its person is with the provider. */
export interface OidcBegun {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface Oidc {
  /** The provider, as a person knows it: its host. */
  readonly name: string;
  /** Where to lead a browser, and what it must bring back. */
  begin(): Promise<{ readonly url: string; readonly begun: OidcBegun }>;
  /**
   * The mail address of whoever came back, when the provider vouches for it. Throws for an answer
   * that does not belong to what was begun, and when the provider does not answer.
   */
  finish(answer: URL, begun: OidcBegun): Promise<string | null>;
}

/** The provider's answer does not fit, or it refused; the reason is its own word. */
export class OidcRefused extends Error {
  override readonly name = "OidcRefused";
}

const timeoutSeconds = 5;

/** Signs people in by the provider: code with PKCE, state and nonce. Nothing is asked before. */
export function createOidc(settings: OidcSettings): Oidc {
  const { issuer, clientId, clientSecret, redirectUri } = settings;
  let found: Promise<client.Configuration> | undefined;
  const provider = (): Promise<client.Configuration> => {
    found ??= discover().catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
  const discover = () =>
    client.discovery(
      new URL(issuer),
      clientId,
      clientSecret,
      client.ClientSecretPost(clientSecret),
      {
        timeout: timeoutSeconds,
        // For a provider on this machine; an issuer elsewhere has TLS (settings.ts).
        ...(issuer.startsWith("http:") ? { execute: [client.allowInsecureRequests] } : {}),
      },
    );
  return {
    name: new URL(issuer).host,
    async begin() {
      const begun = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      };
      const url = client.buildAuthorizationUrl(await provider(), {
        redirect_uri: redirectUri,
        scope: "openid email",
        state: begun.state,
        nonce: begun.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
        code_challenge_method: "S256",
      });
      return { url: url.href, begun };
    },
    async finish(answer, begun) {
      const config = await provider();
      // The provider compares the address that it led back to, which a proxy may have changed.
      const current = new URL(redirectUri);
      current.search = answer.search;
      try {
        const tokens = await client.authorizationCodeGrant(config, current, {
          pkceCodeVerifier: begun.verifier,
          expectedState: begun.state,
          expectedNonce: begun.nonce,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (claims === undefined) return null;
        const told =
          claims["email"] === undefined
            ? await client.fetchUserInfo(config, tokens.access_token, claims.sub)
            : claims;
        const { email, email_verified: isVerified } = told;
        return typeof email === "string" && isVerified === true ? email : null;
      } catch (error) {
        if (error instanceof TypeError || isTimeout(error)) throw error;
        throw new OidcRefused(error instanceof Error ? error.name : "unknown");
      }
    },
  };
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === "OAUTH_TIMEOUT";
}
