import { register } from "tsx/esm/api";

/** Where the thread that makes plans begins: it reads TypeScript like the process it belongs to. */
register();
const { planOnce } = await import("./work.ts");

export default planOnce;
