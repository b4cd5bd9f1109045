"""Be the tests of a shop's cart, with every outcome pytest knows."""

import sys
import pytest

PRICES = {"apple": 0.5, "bread": 2.25, "cheese": 7.1}


def total(cart):
    return round(sum(PRICES[name] * number for name, number in cart.items()), 2)


class TestCart:
    @pytest.mark.parametrize(("cart", "expected"), [({}, 0), ({"apple": 3}, 1.5), ({"bread": 2, "cheese": 1}, 11.6)])
    def test_total(self, cart, expected):
        print("cart:", cart)
        assert total(cart) == expected

    def test_rounding(self):
        assert total({"cheese": 3}) == 21.31

    def test_unknown_article(self):
        total({"umbrella": 1})

    @pytest.mark.skip(reason="the discount service is not deployed")
    def test_discount(self):
        raise AssertionError

    @pytest.mark.xfail(reason="vouchers are not there yet", strict=True)
    def test_voucher(self):
        assert total({"voucher": -1}) == -5

    def test_currency(self, record_property):
        record_property("requirement", "SHOP-7")
        print("5 \u20ac", file=sys.stderr)
        assert f"{total({'apple': 10}):.2f} \u20ac" == "5.00 \u20ac"


@pytest.fixture
def warehouse():
    raise ConnectionError("the warehouse does not answer")


def test_stock(warehouse):
    assert warehouse.stock("apple") > 0
