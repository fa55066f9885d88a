// Holds GraphQL documents against a schema: node graphql.cjs < {schema: FILE, documents: [{query, variables}]}, prints [what is wrong].
const { readFileSync } = require("node:fs");
const { buildSchema, getVariableValues, parse, validate } = require("graphql");

const given = JSON.parse(readFileSync(0, "utf8"));
const schema = buildSchema(readFileSync(given.schema, "utf8"), { assumeValidSDL: true });

function wrongWith({ query, variables }) {
	let document;
	try {
		document = parse(query);
	} catch (problem) {
		return [problem];
	}
	const errors = validate(schema, document);
	if (errors.length > 0)
		return errors;
	const operation = document.definitions.find((one) => one.kind === "OperationDefinition");
	return getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {}).errors ?? [];
}

const found = given.documents.flatMap((one) => wrongWith(one).map((error) => `${error.message} in ${one.query}`));
process.stdout.write(JSON.stringify(found));
