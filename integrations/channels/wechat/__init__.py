"""The WeChat official account and mini-program: Tencent's protocol, a channel over it, a simulator of it."""
