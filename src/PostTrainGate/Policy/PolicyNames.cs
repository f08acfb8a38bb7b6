using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Metrics;

namespace PostTrainGate.Policy;

/// <summary>A name that a policy may use, and what it stands for.</summary>
internal readonly record struct PolicyName(string Name, string Summary);

/// <summary>An attack as the policy sees it.</summary>
internal sealed record AttackName(string Name, string Summary)
{
    /// <summary>Norms that it may be asked for.</summary>
    public ImmutableArray<Norm> Norms { get; init; } = [.. Enum.GetValues<Norm>()];

    /// <summary>Whether it changes rows of a table to such as the table could hold.</summary>
    public bool KeepsForm { get; init; }

    /// <summary>Of the catalog's attack.</summary>
    public static AttackName Of(IAttack attack) =>
        new(attack.Name, attack.Summary) { Norms = [.. attack.Norms], KeepsForm = attack.KeepsForm };
}

/// <summary>A metric as the policy sees it.</summary>
internal sealed record MetricName(string Name, string Summary, MetricNeeds Needs, Better Better, double Largest = 1)
{
    /// <summary>Whether it can be measured of predictions alone, without the model.</summary>
    public bool OfPredictions { get; init; }
}

/// <summary>A rate as the policy sees it.</summary>
internal readonly record struct RateName(string Name, string Summary, bool NeedsScores, double Largest = 1);

/// <summary>The names of the catalog, which decide what a policy may say; tests bring their own.</summary>
internal sealed record PolicyNames(
    ImmutableArray<MetricName> Metrics,
    ImmutableArray<AttackName> Attacks,
    ImmutableArray<PolicyName> Repairs,
    ImmutableArray<(string Name, string Summary, bool Always)> Reports
)
{
    /// <summary>What this version has.</summary>
    public static PolicyNames Catalog { get; } =
        new(
            [
                .. PostTrainGate.Catalog.Metrics.Select(m => new MetricName(
                    m.Name,
                    m.Summary,
                    m.Needs,
                    m.Better,
                    m.Largest
                )
                {
                    OfPredictions = m is IPredictionMetric,
                }),
            ],
            [.. PostTrainGate.Catalog.Attacks.Select(AttackName.Of)],
            [.. PostTrainGate.Catalog.Repairs.Select(r => new PolicyName(r.Name, r.Summary))],
            [.. PostTrainGate.Catalog.Reports.Select(w => (w.Name, w.Summary, w.Always))]
        )
        {
            MinimalAttacks = [.. PostTrainGate.Catalog.Attacks.OfType<IMinimalAttack>().Select(AttackName.Of)],
            Corruptions = [.. PostTrainGate.Catalog.Corruptions.Select(c => new PolicyName(c.Name, c.Summary))],
            Rates =
            [
                .. PostTrainGate.Catalog.Rates.Select(r => new RateName(r.Name, r.Summary, r.NeedsScores, r.Largest)),
            ],
        };

    /// <summary>Attacks that look for the nearest error.</summary>
    public ImmutableArray<AttackName> MinimalAttacks { get; init; } = [];

    /// <summary>Corruptions of inputs.</summary>
    public ImmutableArray<PolicyName> Corruptions { get; init; } = [];

    /// <summary>Rates that metrics may be asked to compare.</summary>
    public ImmutableArray<RateName> Rates { get; init; } = [];
}
