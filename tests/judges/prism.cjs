// Lets Prism judge calls and their answers: node prism.cjs < {description: FILE, calls: [{method, path, headers, body, answer}]},
// prints for each call {wrong: [...], lies: [...]}, with {where, code, message} for each violation of the description.
const { readFileSync } = require("node:fs");
const { createInstance, getHttpOperationsFromSpec } = require("@stoplight/prism-http");
const { right } = require("fp-ts/TaskEither");

const silent = { ...Object.fromEntries(["info", "debug", "warn", "error", "trace", "success"].map((name) => [name, () => {}])) };
silent.child = () => silent;
const config = { isProxy: true, upstream: new URL("http://localhost"), checkSecurity: true, validateRequest: true, validateResponse: true,
	errors: false, mock: { dynamic: false } };

function plain(violation) {
	return { where: (violation.path ?? []).join("."), code: String(violation.code), message: violation.message };
}

async function judge(call, operations) {
	const [path, query] = call.path.split("?");
	const prism = createInstance(config, { logger: silent, forward: () => () => right(call.answer) });
	const input = { method: call.method.toLowerCase(), headers: call.headers, body: call.body,
		url: { path, query: Object.fromEntries(new URLSearchParams(query)) } };
	const said = await prism.request(input, operations, config)();
	if (said._tag === "Left")
		return { wrong: [{ where: "call", code: String(said.left.status), message: `${said.left.title}: ${said.left.detail}` }], lies: [] };
	return { wrong: said.right.validations.input.map(plain), lies: said.right.validations.output.map(plain) };
}

async function main() {
	const { description, calls } = JSON.parse(readFileSync(0, "utf8"));
	const operations = await getHttpOperationsFromSpec(description);
	const said = [];
	for (const call of calls)
		said.push(await judge(call, operations));
	process.stdout.write(JSON.stringify(said));
}

main();
