/** What a CRM can answer other than yes. Whether to try again stands beside each; messages hold no personal data. */
export type CrmError = CrmBusy | CrmDown | CrmRefused | CrmUnauthorized | CrmGone | CrmMerged;

/** 429: try again, not before `retryAfterMs`. */
export class CrmBusy extends Error {
  override readonly name = "CrmBusy";
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number) {
    super(`the CRM asks to wait ${retryAfterMs} ms`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** 5xx, no connection, no answer in time: the outcome is unknown; try again. */
export class CrmDown extends Error {
  override readonly name = "CrmDown";
  constructor(why: string, cause?: unknown) {
    super(`the CRM does not answer: ${why}`, { cause });
  }
}

/** 422: this content is never accepted. A person must look at `field`. */
export class CrmRefused extends Error {
  override readonly name = "CrmRefused";
  readonly field: string;
  constructor(field: string, expected: string) {
    super(`the CRM refused ${field}: expected ${expected}`);
    this.field = field;
  }
}

/** 401: nothing works until somebody renews the connection's rights. */
export class CrmUnauthorized extends Error {
  override readonly name = "CrmUnauthorized";
  constructor() {
    super("the CRM does not accept our credentials");
  }
}

/** The record was deleted in the CRM; it is not made again. */
export class CrmGone extends Error {
  override readonly name = "CrmGone";
  readonly crmId: string;
  constructor(crmId: string) {
    super(`the CRM's record ${crmId} was deleted`);
    this.crmId = crmId;
  }
}

/** The record was merged into another one, which must be followed. */
export class CrmMerged extends Error {
  override readonly name = "CrmMerged";
  readonly crmId: string;
  readonly into: string;
  constructor(crmId: string, into: string) {
    super(`the CRM's record ${crmId} was merged into ${into}`);
    this.crmId = crmId;
    this.into = into;
  }
}
