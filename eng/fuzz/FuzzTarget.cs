using PostTrainGate.Foundation;

namespace PostTrainGate.Fuzz;

/// <summary>
/// Something that reads what strangers send. Another target is another line of <see cref="Targets"/>.
/// </summary>
/// <param name="Name">As the command line names it.</param>
/// <param name="Share">Its part of the inputs of a run of all targets, in relation to the others'.</param>
/// <param name="Seeds">Small inputs that it takes, to be changed.</param>
/// <param name="Generate">Makes an input that has the form of a right one and odd values in it.</param>
/// <param name="Open">
/// Starts a reader for one thread, which may use the folder. It ends in silence or in a <see cref="GateException"/>;
/// whatever else it throws is a fault.
/// </param>
internal sealed record FuzzTarget(
    string Name,
    int Share,
    IReadOnlyList<byte[]> Seeds,
    Func<Random, byte[]> Generate,
    Func<string, Action<byte[]>> Open
)
{
    /// <summary>Longest time for one input.</summary>
    public TimeSpan Bound { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Inputs read at the same time.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Words that mean something to the reader, put in here and there.</summary>
    public IReadOnlyList<byte[]> Words { get; init; } = [];
}
