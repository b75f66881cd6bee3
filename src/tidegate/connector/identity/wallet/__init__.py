"""The wallet: credentials this node holds, and the credential service it presents them from."""
