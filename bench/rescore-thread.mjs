import { register } from "tsx/esm/api";

/** Where a thread of `npm run bench -- rescore` begins: it reads TypeScript like the process it belongs to. */
register();
const { judgeShare } = await import("./rescore-work.ts");

export default judgeShare;
