"""Orders: which one is meant, their states, payments, refunds, invoices, coupons."""
