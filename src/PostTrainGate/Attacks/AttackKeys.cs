using System.Collections.Immutable;
using PostTrainGate.Policy;
using PostTrainGate.Schema;

namespace PostTrainGate.Attacks;

/// <summary>Keys of gates that attack inputs.</summary>
internal static class AttackKeys
{
    public static readonly Key<IAttack> Attack = new("attack", new NameShape<IAttack>("attack"), "The attack to run.")
    {
        Example = "attack: pgd",
    };

    public static readonly Key<IMinimalAttack> Nearest = new(
        "attack",
        new NameShape<IMinimalAttack>("minimal-norm attack"),
        "The attack that searches for the nearest error."
    )
    {
        Example = "attack: fmn",
    };

    public static readonly Key<Norm> Norm = new(
        "norm",
        new ChoiceShape<Norm>(),
        "The norm that measures perturbations."
    )
    {
        Default = "linf",
    };

    public static readonly Key<double> Epsilon = new(
        "epsilon",
        new NumberShape(NumberRange.Positive),
        "Maximum size of a perturbation, in input units."
    )
    {
        Example = "epsilon: 8/255",
    };

    public static readonly Key<int?> Steps = new(
        "steps",
        new CountShape(1, 100_000),
        "Number of steps; default: set by the attack."
    );

    public static readonly Key<double?> StepSize = new(
        "step_size",
        new NumberShape(NumberRange.Positive),
        "Size of a step; default: set by the attack."
    );

    public static readonly Key<int> Restarts = new(
        "restarts",
        new CountShape(1, 1000),
        "Number of runs of the attack, each from a new random start."
    )
    {
        Default = "1",
    };

    public static readonly Key<bool?> RandomStart = new(
        "random_start",
        new FlagShape(),
        "Whether the first run starts at a random point of the ball; default: set by the attack."
    );

    public static readonly Key<int> Categories = new(
        "categories",
        new CountShape(0, 10_000),
        "Maximum number of categorical or binary columns that a table attack may change per row."
    )
    {
        Default = "1",
    };

    /// <summary>Of attacks within an epsilon.</summary>
    public static ImmutableArray<Key> WithinEpsilon { get; } =
    [Attack, Norm, Epsilon, Steps, StepSize, Restarts, RandomStart, Categories];

    /// <summary>Of attacks that look for the nearest error.</summary>
    public static ImmutableArray<Key> NearestError { get; } = [Nearest, Norm, Steps];

    /// <summary>The attack that a gate names; null when it names none.</summary>
    public static AttackSettings? Read(SettingValues gate)
    {
        if (gate.Get(Attack) is not { } attack)
            return null;
        var epsilon = gate.Names.Contains(Epsilon.Name) ? gate.Get(Epsilon) : double.PositiveInfinity;
        return new(attack, gate.Get(Norm), epsilon)
        {
            Steps = gate.Get(Steps),
            StepSize = gate.Get(StepSize),
            Restarts = gate.Get(Restarts),
            RandomStart = gate.Get(RandomStart),
            Categories = gate.Get(Categories),
        };
    }

    /// <summary>A gate's values with those of an attack; null removes them.</summary>
    public static SettingValues Write(SettingValues gate, AttackSettings? attack)
    {
        if (attack is null)
            return WithinEpsilon.Aggregate(gate, (values, key) => values.Without(key));
        return gate.With(Attack, attack.Attack)
            .With(Norm, attack.Norm)
            .With(Epsilon.Name, double.IsFinite(attack.Epsilon) ? attack.Epsilon : null)
            .With(Steps, attack.Steps)
            .With(StepSize, attack.StepSize)
            .With(Restarts, attack.Restarts)
            .With(RandomStart, attack.RandomStart)
            .With(Categories, attack.Categories);
    }
}
