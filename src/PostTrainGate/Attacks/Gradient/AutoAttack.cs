namespace PostTrainGate.Attacks;

/// <summary>
/// AutoAttack (Croce and Hein 2020): attacks without parameters, one after the other, on the rows that still stand. A
/// robust accuracy under its standard version is what RobustBench lists.
/// </summary>
public sealed class AutoAttack : RowAttack
{
    // What is run, and about how long it takes in units of the first.
    private readonly (Action<AttackContext, ActiveBatch> Run, double Effort)[] _parts;

    private AutoAttack(
        string name,
        string summary,
        params (Action<AttackContext, ActiveBatch> Run, double Effort)[] parts
    )
        : base(name, summary, needsGradients: true) => _parts = parts;

    /// <summary>
    /// The standard version: APGD on the cross-entropy, targeted APGD, targeted FAB and Square, every step of all.
    /// </summary>
    public static AutoAttack Standard { get; } =
        new(
            "autoattack",
            "AutoAttack, standard version: APGD-CE, APGD-T, FAB-T and Square in turn on the rows still robust, "
                + "all steps (Croce and Hein 2020).",
            (Apgd.CrossEntropy.Run, 1),
            (Apgd.Targeted.Run, 9),
            (Fab.Targeted.Run, 9),
            (Attacks.Square.Instance.Run, 9)
        );

    /// <summary>
    /// The parts of the standard version with a schedule of our own, which gives up targets and queries that lead
    /// nowhere (<see cref="AutoAttackSweeps"/>). It can only find less than <see cref="Standard"/> means to, and is not
    /// comparable with lists.
    /// </summary>
    public static AutoAttack Fast { get; } =
        new(
            "autoattack_fast",
            "The attacks of AutoAttack's standard version, "
                + "but stopping early on unpromising targets and queries. Faster, "
                + "but not comparable with published AutoAttack results.",
            (Apgd.CrossEntropy.Run, 1),
            (AutoAttackSweeps.Ascend, 1),
            (AutoAttackSweeps.Boundaries, 1),
            (AutoAttackSweeps.Square, 1)
        );

    /// <summary>Five restarts of the untargeted attacks, and every step of all.</summary>
    public static AutoAttack Plus { get; } =
        new(
            "autoattack_plus",
            "AutoAttack, plus version: APGD-CE, APGD-DLR and FAB with 5 restarts, Square, APGD-T and FAB-T, "
                + "all steps (Croce and Hein 2020).",
            (Restarted(Apgd.CrossEntropy), 5),
            (Restarted(Apgd.LogitsRatio), 5),
            (Restarted(Fab.Untargeted), 25),
            (Attacks.Square.Instance.Run, 9),
            (Apgd.Targeted.Run, 9),
            (Fab.Targeted.Run, 9)
        );

    /// <summary>For randomized outputs: gradients are means of 20.</summary>
    public static AutoAttack Randomized { get; } =
        new(
            "autoattack_rand",
            "AutoAttack, version for randomized models: APGD-CE and APGD-DLR on the mean of 20 gradients "
                + "(Croce and Hein 2020).",
            (Apgd.CrossEntropy.ForRandomOutputs().Run, 1),
            (Apgd.LogitsRatio.ForRandomOutputs().Run, 1)
        )
        {
            IsForRandomOutputs = true,
        };

    private bool IsForRandomOutputs { get; init; }

    /// <inheritdoc/>
    public override string Title =>
        Name.Replace("autoattack", "AutoAttack", StringComparison.Ordinal).Replace('_', '-');

    /// <inheritdoc/>
    public override bool AveragesDraws => IsForRandomOutputs;

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        // Its parts have no parameters.
        var plain = context with
        {
            Settings = context.Settings with { Steps = null, StepSize = null, RandomStart = null },
        };
        using var stages = context.Enter(rows);
        var (done, all) = (0.0, _parts.Sum(p => p.Effort));
        foreach (var (part, (run, effort)) in _parts.Index())
        {
            if (part >= stages.First && rows.Count > 0)
            {
                run(plain.Between(done / all, (done + effort) / all), rows);
                stages.Passed(part + 1);
            }

            done += effort;
        }
    }

    private static Action<AttackContext, ActiveBatch> Restarted(RowAttack attack) =>
        (context, rows) =>
        {
            const int restarts = 5;
            using var stages = context.Enter(rows);
            for (var restart = stages.First; restart < restarts && rows.Count > 0; stages.Passed(++restart))
            {
                var part = context.Part(restart, restarts);
                attack.Run(restart == 0 ? part : part with { RandomStart = true }, rows);
            }
        };
}
