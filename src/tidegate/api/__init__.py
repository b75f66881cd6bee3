"""The machines' door: the management API, the Dataspace Protocol, DCP, peers, visits, evidence."""
