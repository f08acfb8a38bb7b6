using PostTrainGate.Schema;

namespace PostTrainGate.Metrics;

/// <summary>Keys that several kinds of metric take.</summary>
internal static class GateKeys
{
    public static readonly Key<string> Group = new(
        "group",
        new TextShape("the name of a group"),
        "The group whose levels are compared."
    )
    {
        Example = "group: sex",
    };

    public static readonly Key<Rate> Rate = new("rate", new NameShape<Rate>("rate"), "The rate to compare.")
    {
        Example = "rate: true_positive_rate",
    };

    public static readonly Key<ClassView> Average = new(
        "average",
        new ChoiceShape<ClassView>(),
        "With several classes: the favorable class against the rest, "
            + "or the mean or worst over each class against the rest."
    )
    {
        Default = "favorable",
        Formerly = "classes",
    };

    public static readonly Key<int> Neighbors = new(
        "neighbors",
        new CountShape(1, 1000),
        "Number of nearest neighbors that a row is compared with."
    )
    {
        Default = "5",
    };

    public static readonly Key<int?> Samples = new(
        "samples",
        new CountShape(1),
        "Maximum number of test rows to attack, certify or corrupt, sampled by seed; default: all."
    );
}
