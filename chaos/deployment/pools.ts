/**
 * Pools that fit into the 100 connections that Postgres allows, three of them reserved: two APIs of
 * 16 and two workers of 13 with a third of either while one version replaces another, 20 of
 * Temporal, and 3 for whoever migrates and looks. They are those of docs/running.md.
 */
export const batonPools = {
  API_CONNECTIONS: "5",
  API_KEY_CONNECTIONS: "8",
  WORKER_CONNECTIONS: "5",
  WORKER_REPEATABLE_CONNECTIONS: "4",
};

/** For each of the four services of Temporal's server. */
export const temporalPools = {
  SQL_MAX_CONNS: "4",
  SQL_MAX_IDLE_CONNS: "4",
  SQL_VIS_MAX_CONNS: "1",
  SQL_VIS_MAX_IDLE_CONNS: "1",
};
