import { expect, test } from "vitest";
import { clusterUrl } from "../../../cli/servers/cluster.ts";

const remembered = { port: 5433, password: "secret" };

test(
  "programs on this machine reach the database by its socket, and the address is still one " +
    "that names host and port",
  () => {
    const url = new URL(clusterUrl({ ...remembered, data: "/srv/baton/.baton/postgres" }));
    expect(url.searchParams.get("host")).toBe("/srv/baton/.baton/postgres");
    expect(`${url.hostname}:${url.port}${url.pathname}`).toBe("127.0.0.1:5433/baton");
  },
);

test("where the path is too long for a socket they use TCP", () => {
  const data = `/srv/${"deep/".repeat(20)}postgres`;
  expect(clusterUrl({ ...remembered, data })).toBe("postgres://baton:secret@127.0.0.1:5433/baton");
});
