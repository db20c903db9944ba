import { describe, expect, test } from "vitest";
import { placing, type Clues, type Placed } from "../../../handoff/accounts/placing.ts";
import { factsOfMergedAccount } from "../../../handoff/accounts/merging.ts";
import type { FactSource } from "../../../handoff/facts/facts.ts";

const told = (value: string, from: FactSource = "form", at = "2026-11-20T10:00:00Z") => ({
  value,
  from,
  at,
});
const placed = (by: Placed["by"], name: string): Placed => ({
  by,
  name,
  at: "2026-11-20T12:00:00Z",
  candidates: [],
});
const nothing: Clues = {
  accountId: null,
  placed: null,
  crmAccountId: null,
  told: undefined,
  emailDomain: null,
};
const wanted = (clues: Partial<Clues>) => placing({ ...nothing, ...clues }).wanted;

describe("which account a lead belongs to", () => {
  test("the CRM's id comes before a domain, a told domain before the address", () => {
    const all = { crmAccountId: "001", told: told("acme.com"), emailDomain: "other.com" };
    expect(wanted(all)).toEqual({ by: "crm-id", name: "001" });
    expect(wanted({ ...all, crmAccountId: null })).toEqual({ by: "told-domain", name: "acme.com" });
    expect(wanted({ emailDomain: "other.com" })).toEqual({ by: "email-domain", name: "other.com" });
    expect(wanted({})).toBeNull();
    expect(placing({ ...nothing, ...all }).candidates).toEqual([
      { by: "crm-id", name: "001", passedOver: null },
      { by: "told-domain", name: "acme.com", passedOver: "something better names the account" },
      { by: "email-domain", name: "other.com", passedOver: "something better names the account" },
    ]);
  });

  test("a provider of mail makes no account, told or in an address, with the agreement's", () => {
    for (const domain of ["gmail.com", "mailinator.com", "club.example"]) {
      const clues = { ...nothing, told: told(domain), emailDomain: domain };
      const found = placing(clues, { free: ["club.example"], disposable: [] });
      expect(found.wanted).toBeNull();
      expect(found.candidates.map(({ passedOver }) => passedOver)).toEqual(
        Array(2).fill(
          expect.stringMatching(/^a provider of (free|throw-away) mail is no company$/),
        ),
      );
    }
    const mixed = { told: told("gmail.com"), emailDomain: "acme.com" };
    expect(wanted(mixed)).toEqual({ by: "email-domain", name: "acme.com" });
  });

  test("a page on a site of many companies makes no account, but for who writes from there", () => {
    const page = { told: told("linkedin.com"), emailDomain: "acme.com" };
    expect(placing({ ...nothing, ...page })).toEqual({
      wanted: { by: "email-domain", name: "acme.com" },
      candidates: [
        { by: "email-domain", name: "acme.com", passedOver: null },
        {
          by: "told-domain",
          name: "linkedin.com",
          passedOver:
            "a page on a site of many companies does not say which domain the company has",
        },
      ],
    });
    expect(wanted({ ...page, emailDomain: "gmail.com" })).toBeNull();
    expect(wanted({ ...page, emailDomain: "linkedin.com" })).toEqual({
      by: "told-domain",
      name: "linkedin.com",
    });
  });

  test("an address places who is nowhere, and moves nobody", () => {
    expect(wanted({ accountId: "ac_1", emailDomain: "other.com" })).toBeNull();
    expect(wanted({ accountId: "ac_1", told: told("other.com") })).toEqual({
      by: "told-domain",
      name: "other.com",
    });
  });

  test("whom a person or the CRM has placed, only they move, and only later", () => {
    for (const by of ["person", "crm-id"] as const) {
      const there = { accountId: "ac_1", placed: placed(by, "ac_1") };
      const later = "2026-11-20T13:00:00Z";
      expect(wanted({ ...there, told: told("b.com", "form", later) })).toBeNull();
      expect(wanted({ ...there, told: told("b.com", "tracking", later) })).toBeNull();
      expect(wanted({ ...there, told: told("b.com", "crm") })).toBeNull();
      expect(wanted({ ...there, told: told("b.com", "crm", later) })).toEqual({
        by: "told-domain",
        name: "b.com",
      });
      const found = placing({ ...nothing, ...there, told: told("b.com", "form", later) });
      expect(found.candidates.at(-1)?.passedOver).toMatch(/has said where the lead belongs$/);
    }
    const there = { accountId: "ac_1", placed: placed("person", "ac_1") };
    expect(wanted({ ...there, crmAccountId: "001" })).toBeNull();
  });

  test("what placed it before asks for nothing again", () => {
    const there = { accountId: "ac_1", placed: placed("told-domain", "a.com") };
    expect(wanted({ ...there, told: told("a.com") })).toBeNull();
    expect(wanted({ ...there, told: told("b.com") })).not.toBeNull();
    expect(wanted({ accountId: null, placed: null, told: told("a.com") })).not.toBeNull();
  });
});

test("of two companies that are one the later word counts, but for names, owner and suppression", () => {
  const fact = (value: string | number | boolean, hour: number) => ({
    value,
    from: "crm" as const,
    at: `2026-11-20T${hour}:00:00Z`,
  });
  const one = {
    "account.domain": fact("a.com", 10),
    "account.owner": fact("rp_1", 10),
    "account.employees": fact(10, 10),
    "account.customer": fact(false, 15),
  };
  const other = {
    "account.domain": fact("b.com", 12),
    "account.owner": fact("rp_2", 12),
    "account.name": fact("B", 12),
    "account.employees": fact(20, 12),
    "account.customer": fact(true, 12),
  };
  expect(factsOfMergedAccount(one, other)).toEqual({
    ...one,
    "account.name": other["account.name"],
    "account.employees": other["account.employees"],
    "account.customer": other["account.customer"],
  });
});
