/** Of the examples: what a small model answers in a sentence. */
export const question = 'What is the capital of France? Answer in one sentence.';
