/** The service type of DNS-SD, and the domain of mDNS: where lanpost servers are listed. */
export const serviceLabels = ['_lanpost', '_tcp', 'local'] as const;

/** Without the domain and the protocol, as a library wants it. */
export const serviceType = 'lanpost';

/** RFC 6762, section 3. */
export const mdnsPort = 5353;
export const mdnsGroup = '224.0.0.251';

/** RFC 6762, section 17: no message is longer, headers included. */
export const maxMessageBytes = 9000;

/** RFC 1035, section 2.3.4. */
export const maxLabelBytes = 63;
