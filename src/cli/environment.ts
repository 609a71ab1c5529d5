/** The variables of the process. A secret is taken out when it is read, so that no child inherits it. */
export type Environment = Record<string, string | undefined>;
