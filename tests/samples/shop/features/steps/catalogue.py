from behave import given, then, when


@given('a catalogue with "{names}"')
def catalogue(context, names):
    context.names = names.split(", ")


@when('I search for "{name}"')
def search(context, name):
    context.found = [other for other in context.names if other == name]


@then("I find {number:d} article")
def found(context, number):
    assert len(context.found) == number, f"found {len(context.found)}"
