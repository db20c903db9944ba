/**
 * The same functions, of which only one may be under way. Two local activities side by side give a
 * history that the code that wrote it cannot replay: on replay they end in another order. Beginning
 * a second one throws, so the workflow task fails before anything of it is written, and a corrected
 * version can go on from there.
 */
export function oneAtATime<A extends object>(functions: A): A {
  let open: string | null = null;
  return new Proxy(functions, {
    get(target, name) {
      const begin: unknown = Reflect.get(target, name);
      if (typeof name !== "string" || !isFunction(begin)) return begin;
      return (...args: unknown[]): Promise<unknown> => {
        if (open !== null) {
          throw new Error(
            `${name} was begun while ${open} is open; a run has one local activity at a time`,
          );
        }
        open = name;
        return begin(...args).finally(() => {
          open = null;
        });
      };
    },
  });
}

function isFunction(value: unknown): value is (...args: unknown[]) => Promise<unknown> {
  return typeof value === "function";
}
