/**
 * What came of one HTTP request, and how long that took. `none`: no answer, for example because the
 * connection broke.
 */
export type Answer =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body: Record<string, unknown>;
      readonly retryAfter: number | null;
      readonly ms: number;
    }
  | { readonly kind: "none"; readonly why: string; readonly ms: number };

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body?: object;
  readonly key?: string;
}

/** Longer than the API may take, so that a late answer is seen and not merely missed. */
const timeoutMs = 8_000;

/** Asks once. Never throws. */
export async function ask(
  url: string,
  { method, path, token, body, key }: Question,
): Promise<Answer> {
  const began = performance.now();
  const ms = (): number => Math.round(performance.now() - began);
  try {
    const response = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const retryAfter = response.headers.get("retry-after");
    const json = /json/.test(response.headers.get("content-type") ?? "")
      ? (JSON.parse(text) as Record<string, unknown>)
      : {};
    return {
      kind: "answer",
      status: response.status,
      body: json,
      retryAfter: retryAfter === null ? null : Number(retryAfter),
      ms: ms(),
    };
  } catch (error) {
    return { kind: "none", why: error instanceof Error ? error.name : "unknown", ms: ms() };
  }
}

/** Does the answer leave open what happened, so that the same request must be sent again? */
export function isLeadOpen(answer: Answer): boolean {
  if (answer.kind === "none") return true;
  const { status, body } = answer;
  return status >= 500 || (status === 409 && body["code"] === "still-running");
}
