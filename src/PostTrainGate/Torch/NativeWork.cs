namespace PostTrainGate.Torch;

/// <summary>
/// Says what native code is about to do, before it does it: a crash or an endless loop there can be told only by
/// another process.
/// </summary>
internal static class NativeWork
{
    [ThreadStatic]
    private static Work? _current;

    /// <summary>Told what begins and by when it has to end; null: nobody watches.</summary>
    public static Action<Work>? Observer { get; set; }

    /// <summary>What is done, and until when.</summary>
    /// <param name="What">For people, such as <c>node 'y' (MatMul)</c>; empty: nothing that could crash.</param>
    /// <param name="Deadline">When it has to have ended; null: whenever.</param>
    public sealed record Work(string What, DateTime? Deadline);

    /// <summary>
    /// Time after which what is done now has to end itself; null where it has no end, or where somebody watches and
    /// ends it: two who do would say different things about the same file.
    /// </summary>
    public static TimeSpan? Left =>
        Observer is not null || _current?.Deadline is not { } deadline ? null
        : deadline > DateTime.UtcNow ? deadline - DateTime.UtcNow
        : TimeSpan.Zero;

    /// <summary>Begins something; the scope ends it.</summary>
    /// <param name="what">What, for people.</param>
    /// <param name="limit">How long it may take; null: as long as what it is a part of.</param>
    public static Scope Begin(string what, TimeSpan? limit = null)
    {
        var before = _current;
        var deadline = limit is { } length ? DateTime.UtcNow + length : before?.Deadline;
        Set(new(what, before?.Deadline is { } outer && outer < deadline ? outer : deadline));
        return new(before);
    }

    /// <summary>The node that runs next, where it runs on trial.</summary>
    public static void At(string what)
    {
        if (Observer is not null)
            Set(new(what, _current?.Deadline));
    }

    private static void Set(Work? work)
    {
        _current = work;
        Observer?.Invoke(work ?? new("", null));
    }

    /// <summary>Restores what was done before.</summary>
    internal readonly struct Scope(Work? before) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => Set(before);
    }
}
