// Renders /openapi.json. Runs in the browser; everything is put in as text, never as markup.
const element = (name, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};

/** A schema as an example a person can start from. */
function example(schema, all, depth = 0) {
  if (!schema || depth > 6) return null;
  if (schema.$ref) return example(all[schema.$ref.split("/").pop()], all, depth + 1);
  if ("example" in schema) return schema.example;
  if (schema.enum) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  const either = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (either) return example(either[0], all, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([key, inner]) => [
          key,
          example(inner, all, depth + 1),
        ]),
      );
    case "array":
      return [example(schema.items, all, depth + 1)];
    case "integer":
    case "number":
      return schema.minimum ?? 0;
    case "boolean":
      return true;
    case "string":
      return { "date-time": "2026-11-23T16:30:00-05:00", date: "2027-01-31" }[schema.format] ?? "…";
    default:
      return null;
  }
}

function rolesOf(operation) {
  const roles = operation["x-roles"];
  return typeof roles === "string"
    ? roles
    : Object.entries(roles ?? {})
        .map(([role, reach]) => `${role} (${reach})`)
        .join(", ");
}

function tryIt(method, path, operation, body) {
  const fields = (operation.parameters ?? []).map((parameter) => ({
    parameter,
    input: element("input", { placeholder: parameter.description ?? "" }),
  }));
  const text =
    body === undefined ? null : element("textarea", { value: JSON.stringify(body, null, 2) });
  const answer = element("pre", { hidden: true });
  const button = element("button", { type: "button", textContent: "Send" });
  button.addEventListener("click", async () => {
    let address = path;
    const query = new URLSearchParams();
    for (const { parameter, input } of fields) {
      if (parameter.in === "path")
        address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "query" && input.value !== "")
        query.set(parameter.name, input.value);
    }
    const headers = {};
    const token = document.getElementById("token").value;
    if (token) headers.authorization = `Bearer ${token}`;
    if (text) headers["content-type"] = "application/json";
    if (method === "post") headers["idempotency-key"] = crypto.randomUUID();
    answer.hidden = false;
    try {
      const response = await fetch(query.size ? `${address}?${query}` : address, {
        method: method.toUpperCase(),
        headers,
        ...(text ? { body: text.value } : {}),
      });
      const got = await response.text();
      let shown = got;
      try {
        shown = JSON.stringify(JSON.parse(got), null, 2);
      } catch {
        /* not JSON: shown as it came */
      }
      answer.textContent = `${response.status} ${response.statusText}\n${shown}`;
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  return element(
    "div",
    {},
    ...fields.map(({ parameter, input }) =>
      element(
        "label",
        {},
        `${parameter.name} (${parameter.in}${parameter.required ? "" : ", optional"}) `,
        input,
      ),
    ),
    ...(text ? [element("label", {}, "Body ", text)] : []),
    button,
    answer,
  );
}

function render(method, path, operation, all) {
  const json = operation.requestBody?.content?.["application/json"]?.schema;
  const answers = Object.entries(operation.responses ?? {}).map(([status, response]) =>
    element("tr", {}, element("td", {}, status), element("td", {}, response.description ?? "")),
  );
  const block = element(
    "details",
    {},
    element(
      "summary",
      {},
      element("b", {}, method.toUpperCase()),
      element("code", {}, path),
      operation.summary ?? "",
    ),
  );
  // Filled when opened: most are never looked at.
  block.addEventListener("toggle", () => {
    if (!block.open || block.dataset.filled) return;
    block.dataset.filled = "yes";
    block.append(
      ...(operation.description ? [element("p", {}, operation.description)] : []),
      element("p", {}, `For: ${rolesOf(operation)}`),
      element("table", {}, ...answers),
      tryIt(method, path, operation, json ? example(json, all) : undefined),
    );
  });
  return block;
}

async function start() {
  const description = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = description.info.description;
  const groups = new Map();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const group = operation.tags?.[0] ?? path.split("/")[1];
      groups.set(group, [
        ...(groups.get(group) ?? []),
        render(method, path, operation, description.components?.schemas ?? {}),
      ]);
    }
  }
  document
    .getElementById("operations")
    .replaceChildren(
      ...[...groups].flatMap(([group, blocks]) => [element("h2", {}, group), ...blocks]),
    );
  document
    .getElementById("codes")
    .replaceChildren(
      ...description["x-problems"].map(({ code, status, title }) =>
        element(
          "tr",
          { id: code },
          element("td", {}, element("code", {}, code)),
          element("td", {}, String(status)),
          element("td", {}, title),
        ),
      ),
    );
}

start().catch((error) => {
  document.getElementById("operations").textContent = `The description could not be read: ${error}`;
});
