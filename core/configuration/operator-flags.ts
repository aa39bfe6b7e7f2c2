/** The flags of `kgents operator`. They take precedence over the configuration. */
export interface OperatorCommandFlags {
  /** The namespaces of the Agents. @default kgents-agents */
  readonly namespace?: readonly string[];
  readonly allNamespaces?: true;
  readonly once?: true;
  readonly context?: string;
  readonly metricsPort?: number;
  readonly metricsHost: string;
  readonly healthPort?: number;
  readonly healthHost: string;
  readonly config?: string;
}
