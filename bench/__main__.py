"""Every measurement, one after the other: `make bench`.  Each takes options of its own when it is run alone."""

from bench import claim, environments, list_page, sandboxed_call, throughput

if __name__ == "__main__":
    throughput.main()
    claim.main()
    list_page.main()
    sandboxed_call.main()
    environments.main()
