"""A stand-in for Terraform's provider ``hashicorp/aws``, which lets validate, plan and test run offline.

It knows names, required arguments and rough types, from bindings that were generated from version 6.25.0 of the
real one, and invents what AWS would compute. It does not know which values AWS takes, nor what it would do.
"""
