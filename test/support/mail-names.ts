import type { MailNames } from "../../messages/message.ts";

/** What a mail about Ada looks up, for a reader in New York. */
export const names: MailNames = {
  reader: { name: "Rita", zone: "America/New_York", meantFor: null, isRep: false },
  lead: {
    id: "ld_ada",
    name: "Ada Lovelace",
    title: "Countess",
    company: "Analytical Engines",
    email: "ada@engines.test",
    phone: "+44 1",
    source: "website",
  },
  page: { opens: "http://baton.test/console/offer/signed" },
  console: "http://baton.test",
  people: { rp_ann: "Ann", rp_bob: "Bob", rp_mia: "Mia" },
  terms: { leadType: "demo-request", band: "A", because: "demo-request holds; band A" },
  pool: [],
};
