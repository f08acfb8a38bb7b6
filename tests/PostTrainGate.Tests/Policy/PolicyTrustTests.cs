using PostTrainGate.Reading;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Who decides each key is said once, for every key.</summary>
public class PolicyTrustTests
{
    [Fact]
    public void Every_key_of_the_schema_has_its_row() =>
        Assert.All(PolicyReference.Keys(Catalog.Default), key =>
            Assert.NotNull(PolicyTrust.Find(key, Catalog.Default))
        );

    [Fact]
    public void Every_row_has_its_key() => Assert.Empty(PolicyTrust.Keys.Except(PolicyReference.Keys(Catalog.Default)));

    [Fact]
    public void A_key_without_a_row_is_the_bases() =>
        Assert.Equal(Decider.Base, PolicyTrust.DeciderOf("data.new_key", Catalog.Default));

    [Fact]
    public void The_table_of_the_documentation_is_what_the_code_says() =>
        Generated.Same("docs/trust.md", document =>
            Generated.Between(document, "trust", PolicyTrust.Markdown(Catalog.Default))
        );
}
