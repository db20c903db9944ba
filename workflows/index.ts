export { accountHandoff } from "./account-handoff.ts";
export { leadHandoff } from "./lead-handoff.ts";
export { rejudgeClocks } from "./activation.ts";
export { reconcile } from "./reconcile.ts";
export { openDueReview, review } from "./review.ts";
