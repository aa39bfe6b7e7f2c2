const dnsLabel = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** The pattern of a DNS-1123 label, except for its length, and the rule in words. */
export const dnsLabelRule = (maximum: number) => ({
  pattern: dnsLabel,
  allowed: `1 to ${maximum} of a-z 0-9 -, with a letter or digit at both ends`,
});
