/** Bad input. Its message is one sentence with the cause and the cure, made to be shown as it is. */
export class Problem extends Error {}
