export { leadHandoff } from "./lead-handoff.ts";
