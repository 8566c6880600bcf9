// Requests to this page's own server, and whether it answers.

const TIMEOUT_MS = 15000;

/** Tells `gone` when the server stops answering, with the time of its last answer, and `back` when it answers again. */
export const connection = new EventTarget();
let answered = new Date();
let isGone = false;

/** JSON of one of the page's routes. Errors name what the server said. */
export async function ask(path, options = {}) {
  const answer = await reach(path, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.message ?? body.Message ?? body.errorMessage ?? `${path}: ${answer.status}`);
  return body;
}

/** The answer itself, whatever its status. */
export async function reach(path, options = {}) {
  try {
    const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
    tell(false);
    answered = new Date();
    return answer;
  } catch (error) {
    tell(true);
    throw error;
  }
}

function tell(gone) {
  if (gone === isGone) return;
  isGone = gone;
  connection.dispatchEvent(new CustomEvent(gone ? "gone" : "back", { detail: answered }));
}

/** One question to the Step Functions API in the region that an ARN names. */
export function states(action, parameters, region = regionOf(parameters.executionArn ?? parameters.stateMachineArn)) {
  return ask(`/page/executions?${new URLSearchParams({ region })}`, {
    method: "POST",
    headers: { "x-amz-target": `AWSStepFunctions.${action}` },
    body: JSON.stringify(parameters),
  });
}

export function regionOf(arn) {
  return arn.split(":")[3];
}

/** The regions in which something may be here. */
export async function regions() {
  return (await ask("/page/regions")).regions;
}

export async function executionsEverywhere() {
  const found = await Promise.all((await regions()).map(executionsOf));
  return found.flat().sort((a, b) => b.startDate - a.startDate);
}

async function executionsOf(region) {
  const { stateMachines } = await states("ListStateMachines", {}, region);
  const lists = await Promise.all(stateMachines.map(({ stateMachineArn }) => states("ListExecutions", { stateMachineArn })));
  return lists.flatMap(({ executions }) => executions);
}

/** Those events of an execution that `known` has not got yet. The token of a page is the number of events before it, here. */
export async function newEvents(executionArn, known) {
  const events = [];
  let nextToken = known > 0 ? String(known) : undefined;
  do {
    const page = await states("GetExecutionHistory", { executionArn, maxResults: 1000, includeExecutionData: true, nextToken });
    events.push(...page.events);
    nextToken = page.nextToken;
  } while (nextToken);
  return events;
}
