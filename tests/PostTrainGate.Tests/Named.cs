using PostTrainGate.Attacks;
using PostTrainGate.Metrics;

namespace PostTrainGate.Tests;

/// <summary>Entries of the catalog by their names.</summary>
internal static class Named
{
    public static IMetric Metric(string name) => Catalog.Default.Get<IMetric>(name);

    public static IAttack Attack(string name) => Catalog.Default.Get<IAttack>(name);

    public static Rate? RateOrNone(string? name) => name is null ? null : Rate(name);

    public static Rate Rate(string name) => Catalog.Default.Get<Rate>(name);
}
