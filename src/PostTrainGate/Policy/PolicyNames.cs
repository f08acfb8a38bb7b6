using System.Collections.Immutable;
using PostTrainGate.Metrics;

namespace PostTrainGate.Policy;

/// <summary>A name that a policy may use, and what it stands for.</summary>
internal readonly record struct PolicyName(string Name, string Summary);

/// <summary>A metric as the policy sees it.</summary>
internal sealed record MetricName(string Name, string Summary, MetricNeeds Needs, Better Better);

/// <summary>The names of the catalog, which decide what a policy may say; tests bring their own.</summary>
internal sealed record PolicyNames(ImmutableArray<MetricName> Metrics, ImmutableArray<PolicyName> Attacks,
    ImmutableArray<PolicyName> Repairs, ImmutableArray<(string Name, string Summary, bool Always)> Reports)
{
    /// <summary>What this version has.</summary>
    public static PolicyNames Catalog { get; } = new(
        [.. PostTrainGate.Catalog.Metrics.Select(m => new MetricName(m.Name, m.Summary, m.Needs, m.Better))],
        [.. PostTrainGate.Catalog.Attacks.Select(a => new PolicyName(a.Name, a.Summary))],
        [.. PostTrainGate.Catalog.Repairs.Select(r => new PolicyName(r.Name, r.Summary))],
        [.. PostTrainGate.Catalog.Reports.Select(w => (w.Name, w.Summary, w.Always))]);
}
