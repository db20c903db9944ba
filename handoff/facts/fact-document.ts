import { builtInFields, closedValues } from "./facts.ts";
import {
  derivedFields,
  factKindOf,
  factKinds,
  factRights,
  suppressionFields,
  tellers,
  trackedFields,
  type FactKind,
  type Teller,
} from "./fact-rights.ts";

const titles: Readonly<Record<Teller, string>> = {
  office: "Office",
  crm: "CRM",
  sales: "Sales",
  tracking: "Tracking",
};

const meanings: Readonly<Record<FactKind, string>> = {
  lead: "what is known of the person",
  account: "what is known of the company; it counts for all its leads",
  placement: "the company that the lead belongs to",
  owner: "who in sales has the company",
  suppression: "what keeps a lead away from sales",
  withdrawal: "the person asks not to be contacted",
  derived: "worked out from other facts",
};

/** The text of docs/facts.md, made from the table so that it cannot say anything else. */
export function factDocument(): string {
  return [
    "# Who may set which fact",
    "",
    "Made from `handoff/facts/fact-rights.ts`; a test keeps them equal (`npx vitest run " +
      "test/handoff/facts/fact-rights.test.ts -u` writes it anew).",
    "",
    `| Kind | What it is | Facts | ${tellers.map((teller) => titles[teller]).join(" | ")} |`,
    `|---|---|---|${tellers.map(() => "---").join("|")}|`,
    ...factKinds.map(
      (kind) =>
        `| ${[kind, meanings[kind], examples(kind), ...tellers.map((teller) => cell(kind, teller))].join(" | ")} |`,
    ),
    "",
    "- **Office**: the roles operator, revops and marketing, with `PATCH /leads/{id}`, " +
      "`POST /leads` and imports.",
    "- **CRM**: what people change in the CRM, and `POST /leads` with a token of the role crm.",
    "- **Sales**: reps and managers, with `PATCH /leads/{id}`, for leads within their " +
      "reach. An address that would put a lead without a company at one is a placement.",
    "- **Tracking**: a write key, which everybody can read who opens the site. *Listed* " +
      "are the facts below, and those that the agreement declares under `fields`.",
    "",
    "A fact that `suppress` of the agreement reads is a suppression fact there, except " +
      "`lead.email`.",
    "",
    `Listed for tracking: ${trackedFields.map((field) => `\`${field}\``).join(", ")}.`,
    "",
    "## The built-in facts",
    "",
    "They need no declaration; others are declared under `fields` of the agreement with " +
      "their type.",
    "",
    "| Fact | Type | Values |",
    "|---|---|---|",
    ...Object.entries(builtInFields).map(
      ([field, type]) => `| \`${field}\` | ${type} | ${closedValues[field]?.join(", ") ?? ""} |`,
    ),
    "",
    "## Which value stands",
    "",
    "- Newer beats older by the time at which the fact was true, whatever order they " +
      "arrive in. Of two of one time the better witness counts: person, CRM, form, import; of " +
      "one witness the larger number, else the text that comes later in the order of characters.",
    "- Tracking is the weakest witness: it fills in what nobody else has told, and " +
      "whatever anybody else tells, however old, replaces it. An address from tracking puts" +
      " a new lead at its company, never one that is known.",
    "- A withdrawal of consent counts from when it was made, also one that tracking " +
      "brings. Office and CRM may take it back later; tracking may not.",
    "- `lead.source` and `lead.firstTouchAt` keep their first value; one from tracking " +
      "gives way to the first that a better witness tells.",
    "",
    "## What happens to a fact that its teller may not set",
    "",
    "- `PATCH /leads/{id}` answers 403 with `field` and `maySet`, the roles that may; " +
      "nothing of the request is stored.",
    "- A derived fact is 422 everywhere; a row of a file is refused, and a change in the " +
      "CRM becomes a task.",
    "- Tracking answers as always and passes the fact over. " +
      "`baton_tracked_facts_refused_total` counts these by field.",
    "- A tracker's call whose names belong to two known people changes neither; the two " +
      "are noted as possibly one person.",
    "- A lead that goes from one company to another is in the audit trail as " +
      "`lead.moved`, whoever moved it.",
    "",
  ].join("\n");
}

function cell(kind: FactKind, teller: Teller): string {
  const right = factRights[kind][teller];
  return right === "any" ? "yes" : (right ?? "no");
}

function examples(kind: FactKind): string {
  const quoted = (fields: readonly string[]) => fields.map((field) => `\`${field}\``).join(", ");
  switch (kind) {
    case "withdrawal":
      return "`lead.doNotContact: true`";
    case "suppression":
      return quoted(suppressionFields);
    case "derived":
      return quoted(derivedFields);
    case "lead":
    case "account":
      return `other \`${kind}.\` facts`;
    case "placement":
    case "owner":
      return quoted(
        Object.keys(builtInFields).filter(
          (field) => factKindOf(field, "", { suppress: [], named: {} }) === kind,
        ),
      );
  }
}
