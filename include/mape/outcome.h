/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every way a packet can leave our hands, in one list: it is the enum of the datapath, the
 * counters in the `outcomes` map, the keys of `stats --json` and the text of
 * `stats --explain`.
 *
 * X(NAME, key, drop, explanation)   drop: 1 when the packet ends here
 *
 * Numbers are part of the ABI: append, never reorder.
 */
#ifndef MAPE_OUTCOME_H
#define MAPE_OUTCOME_H

#include <mape/types.h>

#define MAPE_OUTCOMES(X)                                                                           \
	X(FAST_OUT, "fast_out", 0,                                                                 \
	  "LAN to internet on the fast path: the LAN hook translated and encapsulated it.")        \
	X(FAST_IN, "fast_in", 0,                                                                   \
	  "Internet to LAN on the fast path: the WAN hook handed it straight to the LAN device.")  \
	X(KERNEL_OUT, "kernel_out", 0,                                                             \
	  "Came out of the tunnel interface after the kernel's firewall and routing.")             \
	X(KERNEL_IN, "kernel_in", 0,                                                               \
	  "Decapsulated and handed to the kernel on the tunnel interface, which decides.")         \
	X(OUT_NOT_IPV4, "drop_out_not_ipv4", 1,                                                    \
	  "Not an IPv4 unicast packet, yet routed into the tunnel (ARP, IPv6, multicast). "        \
	  "Nothing to do; look at the routes if it grows.")                                        \
	X(OUT_MALFORMED, "drop_out_malformed", 1,                                                  \
	  "The packet from the LAN is shorter than its headers say. A sender is broken.")          \
	X(OUT_FRAGMENT, "drop_out_fragment", 1,                                                    \
	  "A later IPv4 fragment from the LAN whose first fragment, which has the ports, did not " \
	  "come within 15 s or came behind too many others. Look for loss in the LAN.")            \
	X(OUT_PROTOCOL, "drop_out_protocol", 1,                                                    \
	  "A protocol without ports (GRE, ESP, SCTP ...) cannot share an IPv4 address; the sender "  \
	  "was told by ICMP. Use UDP "   \
	  "encapsulation (IPsec NAT-T) or a contract with an address of its own.")                 \
	X(OUT_NO_SESSION, "drop_out_no_session", 1,                                                \
	  "A packet that cannot open a session (RST, ICMP reply or ICMP error about nothing we "   \
	  "know). Harmless leftovers of ended connections.")                                       \
	X(OUT_NO_PORT, "drop_out_no_port", 1,                                                      \
	  "All ports of the set are in use, each already with this very destination. Fewer "       \
	  "parallel connections to one server, or a contract with more ports, help.")              \
	X(OUT_NO_MEMORY, "drop_out_no_memory", 1,                                                  \
	  "The session table is full or the kernel had no memory for a new session.")              \
	X(OUT_CONTENDED, "drop_out_contended", 1,                                                  \
	  "Two processors changed the same mapping at the same moment too often in a row. The "    \
	  "sender's retransmission will pass.")                                                    \
	X(OUT_NO_ROUTE, "drop_out_no_route", 1,                                                    \
	  "There is no IPv6 route to the BR. Check `ip -6 route get BR` on the WAN.")              \
	X(OUT_TOO_BIG, "drop_out_too_big", 1,                                                      \
	  "The encapsulated packet could not be built (no headroom or memory), or is longer than "  \
	  "the path takes and of a kind that cannot be cut (IPv4 options, UDP super-packets).")    \
	X(IN_NOT_BR, "drop_in_not_br", 1,                                                          \
	  "An IPv4-in-IPv6 packet for our CE address that came neither from a BR of the rule nor "  \
	  "from a CE of a forwarding rule. If the line uses another BR, add it with --br; if its "  \
	  "CEs speak to each other, see --mesh.")                                                   \
	X(IN_MALFORMED, "drop_in_malformed", 1,                                                    \
	  "The inner packet is not IPv4, or it or the outer one is shorter than its headers say.")  \
	X(IN_NOT_OURS, "drop_in_not_ours", 1,                                                      \
	  "The inner destination is not our shared IPv4 address. The BR has another rule for "     \
	  "this line, or somebody forges packets.")                                                \
	X(IN_FOREIGN_PORT, "drop_in_foreign_port", 1,                                              \
	  "The inner destination port belongs to another customer of the same address. The rule "  \
	  "in use differs from the BR's if this grows.")                                           \
	X(IN_FRAGMENT, "drop_in_fragment", 1,                                                      \
	  "A later IPv4 fragment from the internet whose first fragment, which has the ports, "    \
	  "did not come within 15 s or came behind too many others: loss on the way, or a flood.") \
	X(IN_PROTOCOL, "drop_in_protocol", 1,                                                      \
	  "A protocol without ports cannot be received behind a shared address.")                  \
	X(IN_NO_SESSION, "drop_in_no_session", 1,                                                  \
	  "Nobody in the LAN asked for this packet (scans, or answers to sessions that ended).")   \
	X(IN_ICMP, "drop_in_icmp", 1,                                                              \
	  "An ICMP error about a session that we do not know.")                                    \
	X(IN_FAILED, "drop_in_failed", 1,                                                          \
	  "The outer header could not be removed (no memory, or the packet layout is unusual).")   \
	X(IN_ECN, "drop_in_ecn", 1,                                                                \
	  "A router on the way marked congestion on the outer header, but the inner packet does "  \
	  "not support ECN: RFC 6040 wants it dropped.")                                           \
	X(SWEEP_LOST, "sweep_lost", 0,                                                             \
	  "A session could not be put back into the expiry queue. It is queued again by its next " \
	  "packet or by an audit.")                                                                \
	X(FREE_LOST, "free_lost", 0,                                                               \
	  "A freed port could not be put back into the free queue. The sweep puts it back.")       \
	X(OVERLAPPED, "overlapped", 0,                                                             \
	  "Sessions opened on a port that already serves another remote end, because the free "    \
	  "ports of the protocol had run out.")                                                     \
	X(HAIRPIN, "hairpin", 0,                                                                   \
	  "From one LAN host to another by our external address; handed back to the kernel, marked " \
	  "as unasked for.")                                                                        \
	X(OUT_HOST_PORTS, "drop_out_host_ports", 1,                                                \
	  "A LAN host wanted one more port than --host-ports allows it. `status` shows who holds "  \
	  "how many; a host with very many may be ill.")                                            \
	X(OUT_HOST_RATE, "drop_out_host_rate", 1,                                                  \
	  "A LAN host opened sessions faster than --host-rate allows it: a scanner, or a limit "    \
	  "that is too low.")                                                                       \
	X(OUT_CHECKSUM, "drop_out_checksum", 1,                                                    \
	  "An ICMP error from the LAN with a wrong checksum, its own or that of the IPv4 header "   \
	  "that it quotes.")                                                                        \
	X(IN_CHECKSUM, "drop_in_checksum", 1,                                                      \
	  "An ICMP error from the internet with a wrong checksum, its own or that of the IPv4 "     \
	  "header that it quotes. Nothing to do; a router on the way is broken, or somebody forges.") \
	X(OUT_SOURCE, "drop_out_source", 1,                                                        \
	  "The IPv4 source is not one of a LAN here: forged, or something from the internet that "  \
	  "routing sends back into the tunnel. Admit a network of yours with --lan-source.")        \
	X(IN_SOURCE, "drop_in_source", 1,                                                          \
	  "The inner source is no host's address, or our own address with a port of ours. "         \
	  "Somebody forges packets.")                                                               \
	X(IN_MESH_ADDRESS, "drop_in_mesh_address", 1,                                              \
	  "From the prefix of a forwarding rule, but not from the CE that the inner source belongs " \
	  "to. Somebody forges packets, or the rule is out of date (--fmr).")                       \
	X(IN_MESH_PORT, "drop_in_mesh_port", 1,                                                    \
	  "From another CE, but the inner source port is not one of that CE's. Somebody forges "    \
	  "packets, or the rule is out of date (--fmr).")                           \
	X(FRAGMENT_HELD, "fragment_held", 0,                                                       \
	  "A fragment that came too early and waits: for the one with the ports, or for the rest " \
	  "of a fragmented tunnel packet. It is counted a second time when it goes on.")           \
	X(REASSEMBLED, "reassembled", 0,                                                           \
	  "A tunnel packet put together from its IPv6 fragments; what became of it counts apart. " \
	  "Many of them: the BR's path to us has a smaller MTU than it should.")                   \
	X(OUT_FRAGMENT_BAD, "drop_out_fragment_bad", 1,                                            \
	  "An IPv4 fragment from the LAN that is part of no correct datagram: its length is not "  \
	  "a multiple of eight, it overlaps the transport header or the first fragment, it lacks " \
	  "a part of that header, or it reaches beyond 65,535 bytes.")                             \
	X(IN_FRAGMENT_BAD, "drop_in_fragment_bad", 1,                                              \
	  "An IPv4 fragment from the internet that is part of no correct datagram: its length is " \
	  "not a multiple of eight, it overlaps the transport header or the first fragment, it "   \
	  "lacks a part of that header, or it reaches beyond 65,535 bytes.")                       \
	X(OUT_FRAGMENT_LONG, "drop_out_fragment_long", 1,                                          \
	  "A fragment from the LAN that came before the first of its datagram and is too long to " \
	  "wait for that (1,600 bytes). Fragments in their order have no such limit.")             \
	X(IN_FRAGMENT_LONG, "drop_in_fragment_long", 1,                                            \
	  "A fragment from the internet that came before the first of its datagram and is too "    \
	  "long to wait for that (1,600 bytes with the tunnel header).")                           \
	X(IN_OUTER_FRAGMENT, "drop_in_outer_fragment", 1,                                          \
	  "A fragment of a tunnel packet of which the rest did not come within 15 s or came "      \
	  "behind too many others: loss between BR and us.")                                       \
	X(IN_OUTER_BAD, "drop_in_outer_bad", 1,                                                    \
	  "A fragment of a tunnel packet with a wrong length, or a first one without the inner "   \
	  "headers down to the ports.")                                                            \
	X(IN_OUTER_OVERLAP, "drop_in_outer_overlap", 1,                                            \
	  "Fragments of a tunnel packet that overlap: the whole packet is dropped (RFC 5722). Of " \
	  "a mere repetition only that is.")                                                       \
	X(IN_OUTER_LONG, "drop_in_outer_long", 1,                                                  \
	  "A fragmented tunnel packet with more than 4 fragments, 4,000 inner bytes, or 1,600 "    \
	  "bytes in one fragment. Ask the provider why its BR sends such packets.")  \
	X(OUT_LOOP, "drop_out_loop", 1,                                                            \
	  "For an address of the line's own IPv4 prefix that no route of the LAN leads to: it "     \
	  "would come back.") \
	X(OUT_DF, "drop_out_df", 1,                                                                \
	  "A packet that must not be fragmented and is longer than the path takes (`status` shows "\
	  "the path's MTU). Its sender has been told, at most 100 times a second.")                \
	X(OUT_SPLIT, "split_out", 0,                                                               \
	  "Packets that may be fragmented and were, because the path takes less than the tunnel "  \
	  "interface.")                                                                            \
	X(PATH_MTU, "path_mtu", 0,                                                                 \
	  "ICMPv6 Packet Too Big about our tunnel packets: the path takes less than the WAN. "     \
	  "`status` shows how much, and for how long that is believed.")                           \
	X(TUNNEL_ERROR, "tunnel_error", 0,                                                         \
	  "ICMPv6 errors about our tunnel packets, told to the LAN host whose packet it was.")     \
	X(TUNNEL_ERROR_UNKNOWN, "tunnel_error_unknown", 0,                                         \
	  "ICMPv6 errors about tunnel packets that we did not send, or with a wrong checksum, or "  \
	  "about nothing that a LAN host can be told. Ignored here, and left to the kernel.")      \
	X(TUNNEL_ERROR_LIMIT, "tunnel_error_limit", 0,                                             \
	  "ICMPv6 errors about our tunnel packets that no LAN host was told of, because there "    \
	  "were more than 100 a second.")

enum mape_outcome {
#define X(name, key, drop, text) MAPE_##name,
	MAPE_OUTCOMES(X)
#undef X
		MAPE_OUTCOME_COUNT
};

/* Does the packet end with this outcome? */
static inline __attribute__((always_inline, unused)) int mape_outcome_drops(unsigned int outcome)
{
#define X(name, key, drop, text) | (unsigned long long)(drop) << MAPE_##name
	return (0ULL MAPE_OUTCOMES(X)) >> outcome & 1;
#undef X
}

struct mape_counter { /* value of `outcomes`, per CPU */
	__u64 packets; /* segments of a super-packet count one by one */
	__u64 bytes;   /* inner IPv4 bytes */
};

#endif
