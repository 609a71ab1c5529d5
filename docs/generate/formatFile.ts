import prettier from 'prettier';

/** A text as it stands in a file of the repository. */
export async function formatFile(file: string, text: string): Promise<string> {
  const options = (await prettier.resolveConfig(file)) ?? {};
  return prettier.format(text, { ...options, filepath: file });
}
